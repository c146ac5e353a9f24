import { NodeError, type NodeContext } from '../node-kind.js';
import { checkKey } from '../sink/write-modes.js';
import { type TableInput } from '../tables/table-output.js';
import { insertRows } from './insert-rows.js';
import { ident, idents } from './table-name.js';
import { type TargetTable } from './target-table.js';

const NAME = '`tauro_staged`';

/**
 * The last row of every key, in a table that only this session sees. To let the server look for duplicates in the target
 * itself would replace rows that are equal by any other unique index, too.
 */
export class StagedRows {
  private constructor(
    private readonly target: TargetTable,
    private readonly columns: TableInput['columns'],
    private readonly key: readonly string[],
  ) {}

  /** Outside of a transaction. @throws NodeError when the key of the target is not unique */
  static async make(
    target: TargetTable,
    columns: TableInput['columns'],
    key: readonly string[],
  ): Promise<StagedRows> {
    checkKey(columns, key, target.shown);
    if (!(await target.isUnique(key))) {
      const message = `table ${target.shown} has no unique index on ${key.join(', ')}, which upsert needs: ALTER TABLE ${target.sql} ADD UNIQUE (${idents(key)})`;
      throw new NodeError('InvalidConfig', message, false);
    }
    const types = new Map((await target.columns()).map(({ name, type }) => [name.toLowerCase(), type]));
    const made = columns.map(
      ({ name }) => `${ident(name)} ${types.get(name.toLowerCase())!} NULL DEFAULT NULL`,
    );
    await target.client.query(
      `CREATE TEMPORARY TABLE ${NAME} (${made.join(', ')}, UNIQUE KEY (${idents(key)})) ENGINE=InnoDB`,
    );
    return new StagedRows(target, columns, key);
  }

  /** Takes the rows over into the target, in the open transaction. */
  async merge(context: NodeContext, path: string): Promise<void> {
    const { columns, key } = this;
    const { client, sql } = this.target;
    const names = columns.map(({ name }) => name);
    const others = names.filter((name) => !key.includes(name));
    const replaced = (others.length > 0 ? others : key).map(
      (name) => `${ident(name)} = VALUES(${ident(name)})`,
    );
    const then = ` ON DUPLICATE KEY UPDATE ${replaced.join(', ')}`;
    await insertRows(context, client, { into: NAME, path, columns, then });
    const matched = key.map((name) => `t.${ident(name)} = s.${ident(name)}`).join(' AND ');
    if (others.length > 0) {
      const set = others.map((name) => `t.${ident(name)} = s.${ident(name)}`).join(', ');
      await client.query(`UPDATE ${sql} t JOIN ${NAME} s ON ${matched} SET ${set}`);
    }
    await client.query(
      `INSERT INTO ${sql} (${idents(names)}) SELECT ${names.map((name) => `s.${ident(name)}`).join(', ')}
       FROM ${NAME} s LEFT JOIN ${sql} t ON ${matched} WHERE t.${ident(key[0]!)} IS NULL`,
    );
  }
}
