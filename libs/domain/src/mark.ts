import { createHash } from 'node:crypto';

/** Where a source that reads only what is new stands: everything up to there was taken on by runs that succeeded. */
export interface MarkPlace {
  /** What the value is one of: the name of a column, or `key` or `modified` of files. */
  by: string;
  /** Null when nothing was read yet. */
  value: string | null;
  /** Grows with every change; who wants to move the mark must have seen the latest. */
  revision: number;
}

/** Where a mark is to stand once the run has succeeded, and what it was when the attempt began. */
export interface MarkMove extends MarkPlace {
  value: string;
}

/** The longest value of a mark. */
export const MAX_MARK = 1024;

/** The id of the mark of a node: always the same one. A pipeline for all projects has marks in each of them. */
export function markId(projectId: string, pipelineId: string, nodeId: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([projectId, pipelineId, nodeId]))
    .digest('hex');
  return `mark_${digest.slice(0, 26)}`;
}
