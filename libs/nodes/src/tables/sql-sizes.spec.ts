import { tmpdir } from 'node:os';
import { parseSql } from './sql-ast.js';
import { boundSizes } from './sql-sizes.js';
import { parserSession } from './user-sql.js';

describe('a value as large as an argument says', () => {
  const check = async (sql: string): Promise<void> => {
    const statements = await parseSql(await parserSession(tmpdir()), sql, 'sql');
    boundSizes(statements[0]!, 'sql');
  };

  it.each([
    "select repeat('x', 3000000000)",
    "select length(repeat('x', 1000000000)) from s",
    "select lpad('x', n, 'y') from s",
    'select len(range(400000000)) from s',
    'select unnest(generate_series(1, n)) from s',
    'select list_resize([1], 1000000000)',
    "select x from (select rpad('x', 200000, 'y') x)",
  ])('is refused beyond what is small: %s', async (sql) => {
    await expect(check(sql)).rejects.toThrow(/must be a number of at most 100000/);
  });

  it.each([
    "select repeat('ab', 3), lpad(code, 5, '0') from s",
    'select range(10)',
    'select i from range(400000000) t(i)',
    'select i from generate_series(1, 1000000000) t(i)',
  ])('is fine when it is small, or streams: %s', async (sql) => {
    await expect(check(sql)).resolves.toBeUndefined();
  });
});
