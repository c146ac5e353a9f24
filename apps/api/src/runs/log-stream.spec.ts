import { type LogEvent } from '@tauro/orchestration';
import { type Response } from 'express';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { formatEnd, formatLine, writeLog } from './log-stream.js';

const line = {
  timestamp: new Date('2025-11-18T10:00:00Z'),
  level: 'INFO' as const,
  message: 'two\nlines',
  task_id: 'task_1',
  node_id: 'load',
  attempt: 1,
};

async function* events(count: number): AsyncGenerator<LogEvent> {
  for (let seq = 1; seq <= count; seq++) yield [{ seq, line: { ...line } }];
  yield 'heartbeat';
}

describe('a log as server-sent events', () => {
  it('keeps a line on one line, whatever is in it', () => {
    const [id, data, ...rest] = formatLine(7, line).split('\n');
    expect(id).toBe('id: 7');
    expect(JSON.parse(data!.slice('data:'.length))).toEqual({
      ...line,
      timestamp: '2025-11-18T10:00:00.000Z',
    });
    expect(rest).toEqual(['', '']);
  });

  it('ends with an event that reads like a line', () => {
    const [event, data] = formatEnd('FAILED', line.timestamp).split('\n');
    expect(event).toBe('event: end');
    expect(JSON.parse(data!.slice('data:'.length))).toMatchObject({ level: 'INFO', state: 'FAILED' });
  });

  it('writes lines, heartbeats and the end', async () => {
    const res = new PassThrough();
    const written = text(res);
    await writeLog(
      res as unknown as Response,
      events(2),
      new AbortController().signal,
      async () => 'SUCCESS',
    );
    res.end();
    expect((await written).match(/^(id|event|:).*$/gm)).toEqual([
      'id: 1',
      'id: 2',
      ': heartbeat',
      'event: end',
    ]);
  });
});
