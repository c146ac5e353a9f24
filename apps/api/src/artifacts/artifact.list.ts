import { LINE_FORMATS } from '@tauro/nodes';
import { listReader, MAX_LIMIT } from '../http/paging/list-query.js';
import { equals, type ListSpec } from '../http/paging/list-spec.js';
import { integer, oneOf, text, withDefault } from '../http/query/query-field.js';
import { queryOf } from '../http/query/query-reader.js';

/** A run's tables by their nodes, those of a mapped node's items in the order of the items. */
export const ARTIFACT_LIST: ListSpec = {
  prefix: 'task',
  sortable: { node_id: 'string' },
  defaultSort: 'node_id',
  fields: [
    'id',
    'run_id',
    'node_id',
    'index',
    'attempt',
    'rows',
    'bytes',
    'columns',
    'created_at',
    'expires_at',
    'available',
  ],
  filters: { node_id: equals(text('Only the tables of this node.', 63)) },
};
export const ARTIFACT_QUERY = listReader(ARTIFACT_LIST);

const INDEX = integer('Place among the items of a mapped node; absent for its own table.', 0, 1_000_000);

/** The tables of one task. */
const PARTS = ['table', 'quarantine'] as const;
export type Part = (typeof PARTS)[number];

const PART = withDefault(
  oneOf('The table that the task published, or the rows that its checks have taken out of it.', PARTS),
  'table',
);

/** Which rows to show. */
export const PREVIEW_QUERY = queryOf({
  index: INDEX,
  part: PART,
  limit: withDefault(integer('Rows of the preview.', 0, MAX_LIMIT), MAX_LIMIT),
  offset: withDefault(integer('Rows before it.', 0, 1_000_000_000_000), 0),
});

export const DOWNLOAD_FORMATS = ['parquet', ...LINE_FORMATS] as const;
export type DownloadFormat = (typeof DOWNLOAD_FORMATS)[number];

export const DOWNLOAD_QUERY = queryOf({
  index: INDEX,
  part: PART,
  format: withDefault(oneOf('What it is downloaded as.', DOWNLOAD_FORMATS), 'parquet'),
});
