import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Column, type TableRef } from '@tauro/domain';
import { type NodeContext } from '../node-kind.js';
import { type DuckDbSession } from '../tables/duckdb.js';
import { literal, structLiteral } from '../tables/sql-text.js';
import { type TableTarget, writeTable } from '../tables/table-output.js';
import { eachBadRow } from './bad-rows.js';

/** The table of rows that a file had and that did not fit. */
const COLUMNS: Column[] = [
  { name: 'file', type: 'VARCHAR' },
  { name: 'line', type: 'BIGINT' },
  { name: 'column', type: 'VARCHAR' },
  { name: 'reason', type: 'VARCHAR' },
  { name: 'text', type: 'VARCHAR' },
];

/** The longest text of a row that is kept. */
const MAX_TEXT = 65_536;

/** Where an attempt puts what it rejects: under keys of its own, so that nobody sees it before the attempt has ended. */
export interface RejectTarget extends TableTarget {
  /** A file on the way there. */
  lines: string;
}

export async function rejectTarget({ artifacts, run, task, settings }: NodeContext): Promise<RejectTarget> {
  const key = artifacts.tableKey(run.id, task.node_id, `${task.claim_id}-quarantine`);
  const lines = join(settings.duckdb.tempDirectory, `rejects-${randomUUID()}.ndjson`);
  return { key, path: await artifacts.pathForWriting(key), lines };
}

/**
 * Makes a table of the rows that the reader of this session could not use, whatever their number; undefined when there
 * were none. The session must have been given both paths of the target.
 */
export async function writeRejected(
  session: DuckDbSession,
  display: (path: string) => string,
  target: RejectTarget,
  context: NodeContext,
): Promise<TableRef | undefined> {
  try {
    if ((await writeLines(session, display, target.lines)) === 0) return undefined;
    const types = structLiteral(Object.fromEntries(COLUMNS.map(({ name, type }) => [name, type])));
    const rows = `SELECT * FROM read_json(${literal(target.lines)}, format = 'newline_delimited', columns = ${types})`;
    return (await writeTable(session, rows, COLUMNS, target, context)).table;
  } finally {
    await rm(target.lines, { force: true });
  }
}

async function writeLines(
  session: DuckDbSession,
  display: (path: string) => string,
  path: string,
): Promise<number> {
  await mkdir(dirname(path), { recursive: true });
  const out = createWriteStream(path);
  let rows = 0;
  try {
    for await (const { file, line, column, message, text } of eachBadRow(session, display)) {
      const kept = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text;
      const reason = message.replace(/^(?:, column '[^']*')?: /, '');
      rows++;
      if (!out.write(`${JSON.stringify({ file, line, column, reason, text: kept })}\n`))
        await once(out, 'drain');
    }
  } finally {
    await new Promise<void>((done) => out.end(done));
  }
  return rows;
}
