import { badSql, NumberText, type SqlNode, type SqlValue } from './sql-ast.js';
import { allowedFunction, allowedTableFunction } from './sql-functions.js';

/** Every kind of expression DuckDB's parser makes of a SELECT, but for DEFAULT, which is not for queries. */
const EXPRESSIONS = new Set(
  `BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION LAMBDA OPERATOR PARAMETER
  POSITIONAL_REFERENCE STAR SUBQUERY WINDOW`.split(/\s+/),
);

/** Every other part of a tree that carries a `type`: queries, FROM items, orders, limits and details of types. */
const PARTS = new Set(
  `SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE CTE_NODE
  BASE_TABLE EMPTY EXPRESSION_LIST JOIN PIVOT SHOW_REF SUBQUERY TABLE_FUNCTION
  DISTINCT_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER ORDER_MODIFIER
  ASCENDING DESCENDING ORDER_DEFAULT`.split(/\s+/),
);

interface Scope {
  /** Lower-case names of inputs and of the CTEs in sight. */
  tables: ReadonlySet<string>;
  inputs: readonly string[];
  place: string;
}

/**
 * Proves that a syntax tree reads nothing but `inputs`: FROM names an input, a CTE in sight, VALUES, a subquery
 * or a harmless table function, and every function called is on the allow-list. What the guard does not know,
 * it refuses.
 * @param place for messages, such as `transformations.1.where`
 * @throws NodeError naming what is refused
 */
export function guardSql(statement: SqlNode, inputs: readonly string[], place: string): void {
  const tables = new Set(inputs.map((name) => name.toLowerCase()));
  visit(statement, { tables, inputs, place });
}

function visit(value: SqlValue, scope: Scope): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, scope);
  } else if (typeof value === 'object' && value !== null && !(value instanceof NumberText)) {
    checkKind(value, scope);
    const inner = withCtes(value, scope);
    for (const [key, child] of Object.entries(value)) {
      if (key !== 'cte_map') visit(child, inner);
    }
  }
}

function checkKind(node: SqlNode, scope: Scope): void {
  const { place } = scope;
  const { class: expression, type } = node;
  if (typeof expression === 'string') {
    if (!EXPRESSIONS.has(expression)) throw badSql(place, `${expression} is not allowed`);
    if (typeof node['function_name'] === 'string') checkFunction(node['function_name'], scope);
    return;
  }
  if (typeof type === 'string' && !PARTS.has(type) && !type.endsWith('_TYPE_INFO')) {
    throw badSql(place, `${type} is not allowed`);
  }
  if (type === 'TABLE_FUNCTION') checkTableFunction(node, scope);
  else if (type === 'SHOW_REF') {
    // With a query it is DESCRIBE or SUMMARIZE of that query, else it lists the catalog.
    if (!node['query']) throw badSql(place, 'SHOW is not allowed');
  } else if ('table_name' in node) checkTable(node, scope);
}

/** Checks the CTEs of a query in order, each seeing those before it, and returns what its body sees. */
function withCtes(node: SqlNode, scope: Scope): Scope {
  const entries = (node['cte_map'] as SqlNode | undefined)?.['map'] as SqlNode[] | undefined;
  let inner = scope;
  for (const entry of entries ?? []) {
    const definition = entry['value'] as SqlNode;
    const query = (definition['query'] as SqlNode)['node'] as SqlNode;
    const name = String(entry['key']).toLowerCase();
    const withSelf = { ...inner, tables: new Set([...inner.tables, name]) };
    // Only a recursive CTE sees itself; elsewhere its own name still means the table outside.
    visit(definition, query['type'] === 'RECURSIVE_CTE_NODE' ? withSelf : inner);
    inner = withSelf;
  }
  return inner;
}

function checkTable(table: SqlNode, { tables, inputs, place }: Scope): void {
  const name = String(table['table_name']);
  const qualified = [table['catalog_name'], table['schema_name'], name].filter(Boolean).join('.');
  if (qualified !== name || table['at_clause'] || !tables.has(name.toLowerCase())) {
    const known = inputs.length > 0 ? `its inputs are ${inputs.join(', ')}` : 'there are none';
    throw badSql(place, `'${qualified}' is not an input of this node (${known})`);
  }
}

function checkFunction(name: string, { place }: Scope): void {
  // The table functions of the list are harmless in an expression too; their calls pass through here.
  if (!allowedFunction(name) && !allowedTableFunction(name)) {
    throw badSql(place, `function '${name}' is not allowed, or there is none`);
  }
}

function checkTableFunction(node: SqlNode, { place }: Scope): void {
  const name = String((node['function'] as SqlNode)['function_name']);
  if (!allowedTableFunction(name)) throw badSql(place, `table function '${name}' is not allowed`);
}
