import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { checkNames } from '../tables/csv-stream.js';
import { DataFiles, fileDataset } from '../tables/data-files.js';
import { countOf } from '../tables/sql-text.js';
import { ToldColumns } from '../tables/told-columns.js';
import { tableOfTold } from '../tables/told-rows.js';
import { type Told } from '../tables/told-value.js';
import { queryOf } from './bound-query.js';
import { type Database, withDatabase } from './database.js';
import { newRows } from './new-rows.js';
import { declaredWish, tell, wishOf } from './types.js';

/** Of the files that stand for a folder. */
const ENDINGS = ['.sqlite', '.sqlite3', '.db'];

/** Makes this attempt's table of the rows of a table or query. */
export async function readRows(context: NodeContext): Promise<NodeResult> {
  const { config, settings, artifacts } = context;
  const written = String(config['path']);
  const data = new DataFiles(settings, artifacts.root);
  const [path, ...others] = await data.find(written, ENDINGS);
  if (others.length > 0) throw new NodeError('BadPath', `'${written}' is several files; name one`, false);
  const shown = data.display(path!);
  return withDatabase(path!, shown, async (database) => {
    database.exec('PRAGMA query_only = ON');
    // However many statements, they see one moment.
    database.exec('BEGIN');
    const asked = queryOf(config);
    const query = config['incremental'] === undefined ? asked : newRows(context, database, asked);
    const last = 'last' in query ? query.last : undefined;
    const declared = (config['columns'] ?? {}) as Record<string, string>;
    const { columns, rows } = ask(database, query.sql, query.values, declared);
    const made = await tableOfTold(context, { rows, columns, what: `rows of ${shown}` });
    const from = config['table'] === undefined ? 'a query' : String(config['table']);
    context.log('INFO', `read ${countOf(made.rows, 'row')} of ${from} from ${shown}`);
    const use = { access: 'read' as const, ...fileDataset(path!), columns: made.table.columns };
    const mark = made.rows > 0 ? last : undefined;
    return { ...made, datasets: [{ ...use, rows: made.rows }], ...(mark !== undefined && { mark }) };
  });
}

/** What the statement gives, row by row. */
function ask(
  database: Database,
  sql: string,
  values: readonly unknown[],
  declared: Record<string, string>,
): { columns: ToldColumns; rows: Iterable<[string, Told][]> } {
  const statement = database.prepare(sql).safeIntegers(true);
  if (!statement.reader) throw new NodeError('InvalidConfig', 'query: it gives no rows', false);
  statement.raw(true);
  const fields = statement.columns();
  const names = fields.map(({ name }) => name);
  checkNames(names, declared);
  const columns = new ToldColumns();
  for (const { name, type } of fields) {
    columns.expect(name, declared[name] === undefined ? wishOf(type) : declaredWish(declared[name]));
  }
  function* rows(): Generator<[string, Told][]> {
    for (const row of statement.iterate(values) as Iterable<unknown[]>) {
      yield row.map((value, i): [string, Told] => [names[i]!, tell(value)]);
    }
  }
  return { columns, rows: rows() };
}
