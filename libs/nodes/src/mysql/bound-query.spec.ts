import { renderConfig, type TemplateScope } from '@tauro/domain';
import { type Prepared } from '../source/prepared-query.js';
import { queryOf } from './bound-query.js';
import { tableName } from './table-name.js';

/** What a query with templates becomes. */
function prepared(query: string, params: Record<string, unknown>): Prepared {
  const scope = { params } as unknown as TemplateScope;
  const isBound = (): boolean => true;
  return queryOf(renderConfig({ query }, scope, { isBound, at: 'config' })['query']);
}

describe('a query with templates for MySQL', () => {
  it('has places where there are texts, and values beside it', () => {
    expect(
      prepared('SELECT * FROM t WHERE a = {{ params.a }} AND b = {{ params.b }} LIMIT {{ params.n }}', {
        a: "x' OR 1=1 -- ",
        b: -1,
        n: 5,
      }),
    ).toEqual({ sql: 'SELECT * FROM t WHERE a = ? AND b =  -1 LIMIT  5', values: ["x' OR 1=1 -- "] });
    expect(prepared('a IN ({{ params.ids }})', { ids: [1, 'b'] })).toEqual({
      sql: 'a IN ( 1, ?)',
      values: ['b'],
    });
    expect(prepared('a IN ({{ params.ids }})', { ids: [] })).toEqual({ sql: 'a IN (NULL)', values: [] });
  });

  it('has texts that are put together, and times, as the server writes them', () => {
    expect(
      prepared("s LIKE '%{{ params.s }}%' AND t >= TIMESTAMP '{{ params.t }}'", { s: 'x', t: 't' }),
    ).toEqual({ sql: "s LIKE ('%' || ? || '%') AND t >= TIMESTAMP(?)", values: ['x', 't'] });
  });

  it.each([
    ["SELECT 'it\\'s', '{{ params.a }}'", 'sees a text'],
    ['SELECT 1 # {{ params.a }}', 'sees a text'],
    ['SELECT `a {{ params.a }}`', 'sees a text'],
    ['SELECT {{ params.a }} /* one */', 'block comment'],
  ])('is refused where a value might be more than one: %s', (query, reason) => {
    expect(() => prepared(query, { a: 'a' })).toThrow(reason);
  });
});

describe('the name of a table of MySQL', () => {
  it('is taken as it is written, with or without its database', () => {
    expect(tableName('orders', 'shop')).toMatchObject({
      database: 'shop',
      name: 'orders',
      sql: '`shop`.`orders`',
    });
    expect(tableName('sales.Orders', 'shop').sql).toBe('`sales`.`Orders`');
    expect(tableName('`odd.name`', 'shop').sql).toBe('`shop`.`odd.name`');
    expect(tableName('x; DROP TABLE y', 'shop').sql).toBe('`shop`.`x; DROP TABLE y`');
  });

  it.each(['a.b.c', '', '.', 'x'.repeat(65)])('is not %j', (text) => {
    expect(() => tableName(text, 'shop')).toThrow('is no name of a table');
  });
});
