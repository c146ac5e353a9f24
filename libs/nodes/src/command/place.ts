import { join } from 'node:path';
import { type NodeContext } from '../node-kind.js';

/** Where a command runs, and what things are called there. */
export interface Place {
  /** Its own folder, which goes with the attempt. */
  home: string;
  /** Where it starts. */
  cwd: string;
  /** The file that `TAURO_INPUT` names, and the one of `TAURO_OUTPUT`. */
  input: string;
  output: string;
  /** Where it finds the table of an upstream node; undefined when it cannot have it. */
  tablePath: (node_id: string, artifact: string) => string | undefined;
  /** What a path that it tells means to the worker; undefined when the worker cannot reach it. */
  outside: (path: string) => string | undefined;
}

/** The files between a command and the worker, below its own folder. */
export const INPUT_FILE = '.tauro-input.json';
export const OUTPUT_FILE = '.tauro-output.jsonl';

const filesIn = (home: string): Pick<Place, 'input' | 'output'> => ({
  input: `${home}/${INPUT_FILE}`,
  output: `${home}/${OUTPUT_FILE}`,
});

/** Beside the worker everything has one name. */
export const besideWorker = (
  { scratch, cwd }: Folders,
  { artifacts }: Pick<NodeContext, 'artifacts'>,
): Place => ({
  home: scratch,
  cwd,
  ...filesIn(scratch),
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
    ...filesIn(CONTAINER_HOME),
    cwd: cwd === scratch ? CONTAINER_HOME : CONTAINER_WORK,
    tablePath: (node_id) => `${CONTAINER_TABLES}/${node_id}.parquet`,
    outside: (path) => {
      const [inside, outside] = shared.find(([folder]) => path.startsWith(`${folder}/`)) ?? [];
      return inside === undefined ? undefined : join(outside!, path.slice(inside.length));
    },
  };
}

/**
 * On Kubernetes there is no folder of the worker's. Its input comes with the Job, and what it has to say is what the
 * cluster keeps of the end of a container.
 */
export const onKubernetes: Place = {
  home: CONTAINER_HOME,
  cwd: CONTAINER_HOME,
  input: '/etc/tauro/input.json',
  output: '/dev/termination-log',
  tablePath: () => undefined,
  outside: () => undefined,
};
