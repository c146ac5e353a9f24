import { join } from 'node:path';
import { type NodeContext } from '../node-kind.js';

/** Where a command runs, and what things are called there. */
export interface Place {
  /** Its own folder, which goes with the attempt. */
  home: string;
  /** Where it starts. */
  cwd: string;
  /** Where it finds the table of an upstream node. */
  tablePath: (node_id: string, artifact: string) => string;
  /** What a path that it tells means to the worker; undefined when the worker cannot reach it. */
  outside: (path: string) => string | undefined;
}

/** The files between a command and the worker, below its own folder. */
export const INPUT_FILE = '.tauro-input.json';
export const OUTPUT_FILE = '.tauro-output.jsonl';

/** Beside the worker everything has one name. */
export const besideWorker = (
  { scratch, cwd }: Folders,
  { artifacts }: Pick<NodeContext, 'artifacts'>,
): Place => ({
  home: scratch,
  cwd,
  tablePath: (_, artifact) => artifacts.path(artifact),
  outside: (path) => path,
});

/** The folders of an attempt as the worker knows them; the second may be the first. */
export interface Folders {
  scratch: string;
  cwd: string;
}

export const CONTAINER_HOME = '/tauro';
const CONTAINER_WORK = '/work';
const CONTAINER_TABLES = '/tables';

/** In a container there are these folders of the worker's, and no others. */
export function inContainer({ scratch, cwd }: Folders): Place {
  const shared: [string, string][] = [
    [CONTAINER_HOME, scratch],
    [CONTAINER_WORK, cwd],
  ];
  return {
    home: CONTAINER_HOME,
    cwd: cwd === scratch ? CONTAINER_HOME : CONTAINER_WORK,
    tablePath: (node_id) => `${CONTAINER_TABLES}/${node_id}.parquet`,
    outside: (path) => {
      const [inside, outside] = shared.find(([folder]) => path.startsWith(`${folder}/`)) ?? [];
      return inside === undefined ? undefined : join(outside!, path.slice(inside.length));
    },
  };
}
