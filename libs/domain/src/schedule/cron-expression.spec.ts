import { parseCronExpression } from './cron-expression.js';

const read = (text: string) => parseCronExpression(text);

describe('a CRON expression', () => {
  it.each([
    ['*/5 * * * *', '0 */5 * * * *'],
    ['30 */5 * * * *', '30 */5 * * * *'],
    ['  0\t2  1,15 jan-MAR Mon-fri ', '0 0 2 1,15 1-3 1-5'],
    ['0 0 * * FRI-SUN', '0 0 0 * * 5-7'],
    ['0 0 * * SUN-TUE', '0 0 0 * * 0-2'],
    ['0 0 * * SUN-SUN', '0 0 0 * * 0-0'],
    ['0 0 * * 0-7', '0 0 0 * * 0-7'],
    ['0 0 * * 7', '0 0 0 * * 7'],
    ['0 0 L * *', '0 0 0 L * *'],
    ['0 0 15,l * *', '0 0 0 15,L * *'],
    ['0 0 * * MON#2,5L,fri#l', '0 0 0 * * 1#2,5#L,5#L'],
    ['0 0 * * 7#1', '0 0 0 * * 7#1'],
    ['05 00 01 01 *', '0 5 0 1 1 *'],
    ['10-50/20 * * * *', '0 10-50/20 * * * *'],
    ['@yearly', '0 0 0 1 1 *'],
    ['@Annually', '0 0 0 1 1 *'],
    ['@monthly', '0 0 0 1 * *'],
    [' @WEEKLY ', '0 0 0 * * 0'],
    ['@daily', '0 0 0 * * *'],
    ['@midnight', '0 0 0 * * *'],
    ['@hourly', '0 0 * * * *'],
  ])('%s is read as %s', (text, plain) => {
    expect(read(text)).toMatchObject({ text: plain });
  });

  it.each([
    ['0 * * * *', true],
    ['0 */2 * * *', true],
    ['0 8-18/2 * * *', true],
    ['0 1,*/6 * * *', true],
    ['* 8-18 * * *', false],
    ['*/5 1,2 * * *', false],
    ['0 0-23 * * *', false],
    ['@hourly', true],
    ['@daily', false],
  ])('%s means every such hour: %s', (text, everyHour) => {
    expect(read(text)).toMatchObject({ everyHour });
  });

  it.each([
    ['', /5 fields .*this has 0/],
    ['   ', /this has 0/],
    ['* * * *', /this has 4/],
    ['0 0 0 1 1 * 2027', /this has 7/],
    ['2026-11-25T10:00:00', /this has 1/],
    ['@reboot', /unknown macro '@reboot'.*@hourly/],
    ['@', /unknown macro/],
    ['__proto__', /this has 1/],
    ['60 * * * *', /^minute field: 60 is over 59/],
    ['61 0 * * * *', /^second field: 61 is over 59/],
    ['0 24 * * *', /^hour field: 24 is over 23/],
    ['0 0 0 * *', /^day-of-month field: 0 is under 1/],
    ['0 0 32 * *', /^day-of-month field: 32 is over 31/],
    ['0 0 * 13 *', /^month field: 13 is over 12/],
    ['0 0 * * 8', /^day-of-week field: 8 is over 7/],
    ['*/0 * * * *', /^minute field: a step of 0 never advances/],
    ['*/61 * * * *', /^minute field: a step of 61 is over 60/],
    ['*/-5 * * * *', /^minute field: /],
    ['*/x * * * *', /^minute field: 'X' is not a step/],
    ['*/2/3 * * * *', /^minute field: '\*\/2\/3' is not a value, range or step/],
    ['1-2-3 * * * *', /^minute field: '1-2-3' is not a value, range or step/],
    ['5/15 * * * *', /^minute field: .*write 5-59\/15/],
    ['/15 * * * *', /^minute field: '\/15' is not a value, range or step/],
    ['5-1 * * * *', /^minute field: the range 5-1 runs backwards/],
    ['0 0 * * SAT-MON', /^day-of-week field: the range SAT-MON runs backwards/],
    ['1,,2 * * * *', /^minute field: an entry is empty/],
    [', * * * *', /^minute field: an entry is empty/],
    ['1.5 * * * *', /^minute field: '1.5' is not a number from 0 to 59/],
    ['-1 * * * *', /^minute field: '-1' is not a value, range or step/],
    ['1- * * * *', /^minute field: '1-' is not a value, range or step/],
    ['1e1 * * * *', /^minute field: '1E1' is not a number/],
    ['MON * * * *', /^minute field: 'MON' is not a number/],
    ['0 0 * MON *', /^month field: 'MON' is not .* or a name from JAN to DEC/],
    ['0 0 * * MONDAY', /^day-of-week field: 'MONDAY' is not .* or a name from SUN to SAT/],
    ['0 0 ? * *', /^day-of-month field: '\?' is not supported; write \*/],
    ['0 0 15W * *', /^day-of-month field: W \(nearest weekday\) is not supported/],
    ['0 0 LW * *', /^day-of-month field: W/],
    ['0 0 L-3 * *', /^day-of-month field: L cannot be counted back from/],
    ['0 0 * * L', /^day-of-week field: 'L' is not a number/],
    ['0 0 1 * +MON', /^day-of-week field: '\+' is not supported/],
    ['0 0 * * MON#6', /^day-of-week field: after # stands 1 to 5 or L, not '6'/],
    ['0 0 * * MON#', /^day-of-week field: after # stands/],
    ['0 0 * * 9#1', /^day-of-week field: 9 is over 7/],
    ['0 0 * * MON-FRI#1', /^day-of-week field: /],
    ['0 0 1#1 * *', /^day-of-month field: /],
    ['L * * * *', /^minute field: /],
    ['٣ * * * *', /^minute field: /],
    ['ﬁ ﬀ 💥 \u0000 é', /^minute field: /],
    ['*\u200b * * * *', /^minute field: /],
  ])('%j is a fault: %s', (text, fault) => {
    expect(read(text)).toEqual(expect.arrayContaining([expect.stringMatching(fault)]));
  });

  it('has a fault per bad field', () => {
    expect(read('61 24 0 FOO 8')).toHaveLength(5);
  });

  it.each(['*,'.repeat(100_000), '* '.repeat(100_000), '9'.repeat(100_000), ' '.repeat(100_000)])(
    'is refused at once when it is too long (%#)',
    (text) => {
      expect(read(text)).toEqual(['the expression is longer than 800 characters']);
    },
  );

  it('may list every value of every field', () => {
    const list = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i).join(',');
    const all = [list(0, 59), list(0, 59), list(0, 23), list(1, 31), list(1, 12), list(0, 7)].join(' ');
    expect(read(all)).toEqual({ text: all, everyHour: false });
  });

  it('shows only the beginning of a long part', () => {
    const [fault] = read(`${'x'.repeat(500)} * * * *`) as string[];
    expect(fault.length).toBeLessThan(120);
  });
});
