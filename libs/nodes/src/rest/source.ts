import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Json } from '@tauro/domain';
import { type HttpAnswer } from '../http/call.js';
import { statusError } from '../http/http.errors.js';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { tableOf } from '../source/file-source.js';
import { type IncrementalRows, readAfter, tellMark } from '../source/incremental.js';
import { lastOf, newRows } from '../source/new-rows.js';
import { type TableSource } from '../source/table-source.js';
import { countOf } from '../tables/sql-text.js';
import { type Question } from './ask.js';
import { firstPage, nextPage, type Pagination, recordsOf } from './pages.js';
import { REST_SOURCE_SCHEMA } from './source.schema.js';

const MAX_PAGES = 1000;

/** Records of a service, page after page. */
export const restSource: TableSource = { type: 'http', connection: 'http', schema: REST_SOURCE_SCHEMA, read };

async function read(context: NodeContext): Promise<NodeResult> {
  const { config, connection, settings } = context;
  const file = join(settings.duckdb.tempDirectory, `records-${randomUUID()}.ndjson`);
  await mkdir(settings.duckdb.tempDirectory, { recursive: true });
  try {
    const after = readAfter(context);
    tellMark(context, after);
    const { url, pages, seen } = await download(context, file, after);
    const place = `${url.origin}${url.pathname}`;
    const columns = config['columns'] as Record<string, string> | undefined;
    const options = { sample_size: -1, ...(columns && { columns }) };
    const given = config['incremental'] as IncrementalRows | undefined;
    // Without a record there are no columns.
    const news = given && seen > 0 ? given : undefined;
    const keep = news && ((query: string): string => newRows(query, news, after));
    const made = await tableOf(
      { files: [file], format: 'ndjson', options, display: () => place, keep },
      context,
    );
    const mark = news && made.rows > 0 ? await lastOf(context, made, news.column) : undefined;
    context.log('INFO', `asked ${connection!.name} for ${countOf(pages, 'page')}`);
    const { rows, table } = made;
    const use = {
      access: 'read' as const,
      namespace: url.origin,
      name: url.pathname,
      columns: table.columns,
      rows,
    };
    return { ...made, datasets: [use], ...(mark !== undefined && { mark }) };
  } finally {
    await rm(file, { force: true });
  }
}

/** Writes the records of all pages into a file, one per line. */
async function download(
  context: NodeContext,
  file: string,
  after: string | undefined,
): Promise<{ url: URL; pages: number; seen: number }> {
  const { config, connection, settings, signal } = context;
  // The HTTP client is loaded by those who need it.
  const { ask, requestTo } = await import('./ask.js');
  const pagination = (config['pagination'] ?? { style: 'none' }) as Pagination;
  const most = Number(config['max_pages'] ?? MAX_PAGES);
  const out = createWriteStream(file);
  const first: Question = {
    path: String(config['path'] ?? ''),
    query: { ...texts(config['query']), ...newsAsked(config, after), ...firstPage(pagination) },
  };
  let seen = 0;
  let bytes = 0;
  let pages = 0;
  try {
    for (let question: Question | undefined = first; question;) {
      if (pages === most)
        throw new NodeError('InvalidConfig', `there are more than ${most} pages; raise max_pages`, false);
      const answer = await ask(connection!, question, settings.egressAllowPrivate, signal);
      const request = requestTo(connection!, question);
      if (answer.status < 200 || answer.status > 299) throw statusError(request, answer);
      const body = jsonOf(answer, pages);
      const records = recordsOf(body, config['records'] as string | undefined);
      seen += records.length;
      pages++;
      const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
      bytes += Buffer.byteLength(lines);
      if (bytes > settings.duckdb.maxTempDiskMb * 1024 * 1024) {
        throw new NodeError(
          'OutOfMemory',
          'the records need more than DUCKDB_TEMP_DISK_MB lets a node use',
          false,
        );
      }
      await write(out, lines);
      question = nextPage(
        pagination,
        question,
        { answer, body, records: records.length, url: request.url },
        seen,
      );
    }
  } finally {
    await new Promise<void>((done) => out.end(done));
  }
  return { url: requestTo(connection!, first).url, pages, seen };
}

/** Tells the service too, where it can leave out what is known. */
function newsAsked(config: NodeContext['config'], after: string | undefined): Record<string, string> {
  const { param } = (config['incremental'] ?? {}) as { param?: string };
  return param === undefined || after === undefined ? {} : { [param]: after };
}

const texts = (query: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries((query ?? {}) as object).map(([key, value]) => [key, String(value)]));

function jsonOf({ body }: HttpAnswer, page: number): Json {
  try {
    return JSON.parse(body.toString('utf8')) as Json;
  } catch (error) {
    throw new NodeError(
      'BadRow',
      `page ${page + 1} is no JSON: ${(error as Error).message.slice(0, 200)}`,
      false,
    );
  }
}

const write = (out: NodeJS.WritableStream, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    out.once('error', reject);
    out.write(text, () => {
      out.removeListener('error', reject);
      resolve();
    });
  });
