import { type Json } from '@tauro/domain';
import { badSql, NumberText, type SqlNode, type SqlValue } from './sql-ast.js';

/**
 * Puts values in the place of `$1..$n` in a syntax tree, as constants: a value is never text of the statement,
 * so it cannot become anything but a value.
 *
 * A list after `IN` stands for its elements, elsewhere it is a list; an object is a JSON value.
 * @param place for messages
 * @throws NodeError when the text names a parameter that has no value
 */
export function bindValues(tree: SqlNode, values: readonly Json[], place: string): SqlNode {
  const valueOf = (node: SqlNode): Json => {
    const value = values[Number(node['identifier']) - 1];
    if (value === undefined) {
      throw badSql(place, `parameter $${String(node['identifier'])} has no value; write {{ … }}`);
    }
    return value;
  };
  const replace = (value: SqlValue): SqlValue => {
    if (Array.isArray(value)) return value.map(replace);
    if (!isNode(value)) return value;
    if (value['class'] === 'PARAMETER') return withAlias(constant(valueOf(value), place), value['alias']);
    const node = Object.fromEntries(Object.entries(value).map(([key, child]) => [key, replace(child)]));
    if (node['type'] === 'COMPARE_IN' || node['type'] === 'COMPARE_NOT_IN') {
      const [subject, ...set] = value['children'] as SqlNode[];
      node['children'] = [
        replace(subject!),
        ...set.flatMap((item) => elementsOf(item, replace, valueOf, place)),
      ];
    }
    // Printed as digits a double would come back as a decimal.
    return isDouble(node) ? cast(node, 'DOUBLE') : node;
  };
  const bound = replace(tree) as SqlNode;
  bound['named_param_map'] = [];
  return bound;
}

function elementsOf(
  item: SqlNode,
  replace: (value: SqlValue) => SqlValue,
  valueOf: (node: SqlNode) => Json,
  place: string,
): SqlValue[] {
  const value = item['class'] === 'PARAMETER' ? valueOf(item) : undefined;
  if (!Array.isArray(value)) return [replace(item)];
  // `IN ()` is no SQL; nothing is equal to NULL, which gives the same rows.
  return value.length === 0 ? [constant(null, place)] : value.map((element) => constant(element, place));
}

function constant(value: Json, place: string): SqlNode {
  if (value === null) return typed('NULL', null);
  if (typeof value === 'boolean') return typed('BOOLEAN', value);
  if (typeof value === 'string') {
    if (value.includes('\0')) throw badSql(place, 'a value contains a NUL character');
    return typed('VARCHAR', value);
  }
  if (typeof value === 'number') return number(value);
  if (Array.isArray(value))
    return call(
      'list_value',
      value.map((item) => constant(item, place)),
    );
  return cast(typed('VARCHAR', JSON.stringify(value)), 'JSON');
}

function number(value: number): SqlNode {
  if (!Number.isSafeInteger(value)) return cast(typed('VARCHAR', String(value)), 'DOUBLE');
  return typed(Math.abs(value) < 2 ** 31 ? 'INTEGER' : 'BIGINT', new NumberText(String(value)));
}

const expression = { alias: '', query_location: new NumberText('0') };

const typed = (id: string, value: SqlValue): SqlNode => ({
  ...expression,
  class: 'CONSTANT',
  type: 'VALUE_CONSTANT',
  value: { type: { id, type_info: null }, is_null: value === null, ...(value !== null && { value }) },
});

const cast = (child: SqlNode, type: string): SqlNode => ({
  ...expression,
  class: 'CAST',
  type: 'OPERATOR_CAST',
  alias: child['alias'] ?? '',
  child: withAlias(child, ''),
  cast_type:
    type === 'DOUBLE'
      ? { id: 'DOUBLE', type_info: null }
      : { id: 'UNBOUND', type_info: { type: 'UNBOUND_TYPE_INFO', name: type } },
  try_cast: false,
});

const call = (name: string, children: SqlNode[]): SqlNode => ({
  ...expression,
  class: 'FUNCTION',
  type: 'FUNCTION',
  function_name: name,
  schema: 'main',
  catalog: '',
  children,
  filter: null,
  order_bys: { type: 'ORDER_MODIFIER', orders: [] },
  distinct: false,
  is_operator: false,
  export_state: false,
});

const withAlias = (node: SqlNode, alias: SqlValue | undefined): SqlNode => ({ ...node, alias: alias ?? '' });

const isNode = (value: SqlValue): value is SqlNode =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText);

const isDouble = (node: SqlNode): boolean =>
  node['class'] === 'CONSTANT' &&
  ((node['value'] as SqlNode | undefined)?.['type'] as SqlNode | undefined)?.['id'] === 'DOUBLE';
