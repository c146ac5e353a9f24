import { type LineFormat } from '@tauro/nodes';

/** What a reader process is asked: some rows, or the whole table line by line. */
export type ReaderCall =
  | { ask: 'page'; path: string; offset: number; limit: number }
  | { ask: 'lines'; path: string; format: LineFormat };
