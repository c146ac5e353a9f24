import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { MAKES_TABLE, NodeError, type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';
import { checksFaults } from '../quality/check-items.js';
import { CHECKED } from '../quality/checks/check.js';
import { checkTable, qualityOf } from '../quality/quality.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { countOf, ident } from '../tables/sql-text.js';
import { nodeErrorOf } from '../tables/table-errors.js';
import {
  inSession,
  parquetRows,
  tableInputs,
  type TableInput,
  tableTarget,
  tableUpstream,
  writeTable,
} from '../tables/table-output.js';
import { userQuery, type UserSql } from '../tables/user-sql.js';
import { sqlFaults } from './check-sql.js';
import { PROCESSOR_SCHEMA } from './processor.schema.js';
import { placeOf, runSteps } from './run-steps.js';
import { itemsOf, namesInSql, startOf } from './items.js';
import { TRANSFORMATIONS } from './transformations/index.js';
import { type Relation } from './transformations/transformation.js';

/** Makes a table out of upstream tables, by a list of transformations or by SQL. */
export const processorNode: NodeKind = {
  type: 'processor',
  cacheable: true,
  unmappable: MAKES_TABLE,
  summary:
    'Transforms the rows of upstream nodes, by a list of transformations or one SQL query, and checks them.',
  schema: PROCESSOR_SCHEMA,
  isolated: true,
  readsTables: true,

  // `columns` of derive is SQL; rename and cast refuse templates in theirs.
  bound: ([first, , key, name]) =>
    first === 'sql' ||
    (first === 'checks' && (key === 'expression' || key === 'query')) ||
    (first === 'transformations' &&
      (key === 'where' || ((key === 'columns' || key === 'metrics') && typeof name === 'string'))),

  // The key of a hash works on values, and is not in what comes of them.
  secrets: ([first, , option]) => first === 'transformations' && option === 'key',

  async check(node: NodeDefinition, upstream: readonly NodeDefinition[]): Promise<ErrorDetail[]> {
    const { sql, transformations, checks, input } = node.config ?? {};
    if (sql === undefined && transformations === undefined && checks === undefined) {
      return [{ field: 'config', message: 'needs transformations, sql or checks', type: 'missing' }];
    }
    if (sql !== undefined && transformations !== undefined) {
      const message = 'give transformations or sql, not both';
      return [{ field: 'config', message, type: 'value_error' }];
    }
    const { ids, fault } = tableUpstream(upstream);
    if (fault) return [fault];
    const clash = sameInSql(ids) ?? (checks === undefined ? undefined : takenByChecks(ids));
    if (clash) return [{ field: 'depends_on', message: clash, type: 'value_error' }];
    const faults = await sqlFaults({ sql, transformations, checks }, namesInSql(ids));
    if (Array.isArray(checks)) faults.push(...checksFaults(checks));
    if (sql !== undefined || typeof transformations === 'string') return faults;
    const items = transformations ?? [];
    const start = startOf(itemsOf(items), ids, input as string | undefined);
    if (typeof start === 'string')
      faults.push({ field: 'config.transformations', message: start, type: 'value_error' });
    return [...faults, ...optionFaults(items), ...templatesAsNames(items)];
  },

  async execute(context: NodeContext): Promise<NodeResult> {
    const { config } = context;
    const tables = tableInputs(context);
    const quality = await qualityOf(context);
    const ids = tables.map((table) => table.node_id);
    const clash = sameInSql(ids) ?? (quality && takenByChecks(ids));
    if (clash) throw new NodeError('InvalidConfig', clash, false);
    const target = await tableTarget(context);
    const paths = [...tables.map((table) => table.path), target.path, ...(quality?.paths ?? [])];
    return inSession(context, { paths }, async (session) => {
      const inputs = await openInputs(session, tables);
      const { view, columns } =
        config['sql'] === undefined
          ? await runSteps(session, config, inputs)
          : await runQuery(session, config['sql'] as UserSql, inputs);
      const what = describe(config);
      try {
        const result = await writeTable(session, `SELECT * FROM ${ident(view)}`, columns, target, context);
        const before = tables.reduce((sum, table) => sum + table.rows, 0);
        context.log('INFO', `${what}: ${countOf(before, 'row')} in, ${countOf(result.rows, 'row')} out`);
        return quality ? await checkTable(session, quality, result, namesInSql(ids), context) : result;
      } catch (error) {
        throw nodeErrorOf(error, what, columns);
      }
    });
  },
};

async function openInputs(
  session: DuckDbSession,
  tables: readonly TableInput[],
): Promise<Map<string, Relation>> {
  const inputs = new Map<string, Relation>();
  for (const { node_id, path } of tables) {
    const columns = await session.view(node_id, parquetRows(path));
    inputs.set(node_id, { view: node_id, columns, file: path });
  }
  const [only] = tables;
  if (tables.length === 1) await session.view('input', parquetRows(only!.path));
  return inputs;
}

async function runQuery(
  session: DuckDbSession,
  sql: UserSql,
  inputs: Map<string, Relation>,
): Promise<Relation> {
  const query = await userQuery(session, sql, namesInSql([...inputs.keys()]), 'sql');
  try {
    return { view: 'result of sql', columns: await session.view('result of sql', query) };
  } catch (error) {
    throw nodeErrorOf(
      error,
      'sql',
      [...inputs.values()].flatMap((input) => input.columns),
    );
  }
}

/** SQL does not tell upper from lower case, so two such inputs would be one table. */
function sameInSql(ids: readonly string[]): string | undefined {
  const lower = ids.map((id) => id.toLowerCase());
  const i = lower.findIndex((id, at) => lower.indexOf(id) !== at);
  return i < 0
    ? undefined
    : `the inputs '${ids[lower.indexOf(lower[i]!)]}' and '${ids[i]}' differ only in case`;
}

function optionFaults(transformations: unknown): ErrorDetail[] {
  return itemsOf(transformations).flatMap(({ type, options }, i) => {
    const message = TRANSFORMATIONS.get(type)?.fault?.(options);
    return message === undefined
      ? []
      : [{ field: `config.transformations.${i}`, message, type: 'value_error' }];
  });
}

const takenByChecks = (ids: readonly string[]): string | undefined =>
  ids.some((id) => id.toLowerCase() === CHECKED)
    ? `the input '${CHECKED}' has the name by which checks find their own table; give its node another id`
    : undefined;

/** `rename` and `cast` put their texts into the statement as names and types, which no value can be. */
function templatesAsNames(transformations: unknown): ErrorDetail[] {
  return itemsOf(transformations).flatMap(({ type, options }, i) => {
    if (type !== 'rename' && type !== 'cast') return [];
    return Object.entries(options['columns'] as object)
      .filter(([, text]) => typeof text === 'string' && text.includes('{{'))
      .map(([name]) => ({
        field: `config.transformations.${i}.columns.${name}`,
        message: 'cannot be a template',
        type: 'value_error',
      }));
  });
}

function describe(config: Record<string, unknown>): string {
  if (config['sql'] !== undefined) return 'sql';
  const items = itemsOf(config['transformations'] ?? []);
  if (items.length === 0) return 'checks';
  return items.length === 1 ? placeOf(0, items[0]!.type) : items.map(({ type }) => type).join(', ');
}
