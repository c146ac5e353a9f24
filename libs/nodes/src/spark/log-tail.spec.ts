import { LogTail } from './log-tail.js';

const messages = (tail: LogTail, shown: string[]): string[] => tail.take(shown).map(({ message }) => message);

describe('the log of a batch', () => {
  it('is told once, part by part', () => {
    const tail = new LogTail();
    expect(messages(tail, ['stdout: ', 'a', '\nstderr: ', 'x'])).toEqual(['a', 'x']);
    expect(messages(tail, ['stdout: ', 'a', 'b', '\nstderr: ', 'x', 'y'])).toEqual(['b', 'y']);
    expect(messages(tail, ['stdout: ', 'a', 'b', '\nstderr: ', 'x', 'y'])).toEqual([]);
    expect(
      messages(tail, ['stdout: ', 'a', 'b', '\nstderr: ', 'x', 'y', '\nYARN Diagnostics: ', 'd']),
    ).toEqual(['d']);
  });

  it('goes on when its first lines are no longer shown', () => {
    const tail = new LogTail();
    messages(tail, ['stdout: ', '1', '2', '3']);
    expect(messages(tail, ['stdout: ', '2', '3', '4'])).toEqual(['4']);
    expect(messages(tail, ['stdout: ', '7', '8', '9'])).toEqual(['7', '8', '9']);
  });

  it('keeps lines that are the same as others', () => {
    const tail = new LogTail();
    messages(tail, ['stdout: ', 'tick', 'tick']);
    expect(messages(tail, ['stdout: ', 'tick', 'tick', 'tick'])).toEqual(['tick']);
  });

  it('has the levels of Spark', () => {
    const lines = [
      '24/01/31 10:00:00 INFO A: a',
      '24/01/31 10:00:00 WARN B: b',
      '24/01/31 10:00:00 ERROR C: c',
      'ERROR',
    ];
    expect(new LogTail().take(['\nstderr: ', ...lines]).map(({ level }) => level)).toEqual([
      ...['INFO', 'WARNING', 'ERROR', 'INFO'],
    ]);
  });
});
