import { renderConfig, type TemplateScope } from '@tauro/domain';
import { sqlOf } from './bound-query.js';
import { partsOf, tableName } from './table-name.js';

/** The SQL that a query with templates becomes. */
function sql(query: string, params: Record<string, unknown>): string {
  const scope = { params } as unknown as TemplateScope;
  const isBound = (): boolean => true;
  return sqlOf(renderConfig({ query }, scope, { isBound, at: 'config' })['query']);
}

describe('a query with templates', () => {
  it('has values in their place, whatever they hold', () => {
    expect(
      sql('SELECT * FROM t WHERE a = {{ params.a }} AND b = {{ params.b }}', { a: -1, b: "o'clock" }),
    ).toBe("SELECT * FROM t WHERE a = (-1) AND b =  'o''clock'");
    expect(sql('SELECT {{ params.a }}', { a: "\\'; DROP TABLE t; --" })).toBe(
      "SELECT   E'\\\\''; DROP TABLE t; --'",
    );
    expect(sql("SELECT 'costs $1', \"a$1\" FROM t WHERE d = '{{ params.d }}' -- $1", { d: 'x' })).toBe(
      "SELECT 'costs $1', \"a$1\" FROM t WHERE d =  'x' -- $1",
    );
    expect(
      sql('{{ params.none }} {{ params.yes }} {{ params.json }}', { none: null, yes: true, json: { a: 1 } }),
    ).toBe(`NULL TRUE  '{"a":1}'`);
  });

  it('has the elements of a list', () => {
    expect(sql('a IN ({{ params.ids }})', { ids: [1, 'b'] })).toBe("a IN ((1),  'b')");
    expect(sql('a IN ({{ params.ids }})', { ids: [] })).toBe('a IN (NULL)');
  });

  it('cannot hide a value where it might be more than one', () => {
    expect(() => sql('SELECT {{ params.a }} /* a comment */', { a: 1 })).toThrow('block comment');
    expect(() => sql('SELECT $x$ text $x$, {{ params.a }}', { a: 1 })).toThrow('dollar quote');
    expect(() => sql('SELECT {{ params.a }}', { a: 'a\0b' })).toThrow('NUL');
  });
});

describe('the name of a table', () => {
  it('is taken as it is written, with or without its schema', () => {
    expect(tableName('orders')).toBe('"orders"');
    expect(tableName('sales.Orders')).toBe('"sales"."Orders"');
    expect(partsOf('"odd.name"."a ""b"""')).toEqual(['odd.name', 'a "b"']);
    expect(tableName('x; DROP TABLE y')).toBe('"x; DROP TABLE y"');
  });

  it.each(['a.b.c', '', '.', 'x'.repeat(64)])('is not %j', (text) => {
    expect(() => tableName(text)).toThrow('is no name of a table');
  });
});
