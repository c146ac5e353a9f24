import { type Done, NODE_KINDS, type NodeInput } from '@tauro/nodes';
import { metricsOf } from './task-flow.js';

const table = (rows: number, bytes: number) => ({ artifact: 'runs/r/n/c.parquet', rows, bytes, columns: [] });
const upstream: NodeInput[] = [
  { node_id: 'a', output: null, table: table(10, 100) },
  { node_id: 'b', output: null, table: table(5, 50) },
  { node_id: 'c', output: 'no table' },
];
const file = { namespace: 'file', name: '/data/x.csv' };

describe('what goes through a node', () => {
  it.each<[string, string, Done, [number, number, number, number]]>([
    [
      'a source reads from outside, and no table before it',
      'source',
      {
        output: null,
        rows: 3,
        table: table(3, 30),
        datasets: [{ access: 'read', ...file, rows: 3, bytes: 999 }],
      },
      [3, 999, 3, 30],
    ],
    [
      'a processor reads every table before it',
      'processor',
      { output: null, table: table(7, 70) },
      [15, 150, 7, 70],
    ],
    [
      'a sink writes to outside',
      'sink',
      { output: null, rows: 5, datasets: [{ access: 'write', ...file, rows: 5, bytes: 500 }] },
      [15, 150, 5, 500],
    ],
    [
      'a call of which nobody knows the rows has bytes',
      'http',
      { output: null, datasets: [{ access: 'read', namespace: 'https://x.example', name: '/', bytes: 12 }] },
      [0, 12, 0, 0],
    ],
    ['a wait has nothing', 'wait', { output: null }, [0, 0, 0, 0]],
  ])('%s', (_, kind, done, [rows_in, bytes_in, rows_out, bytes_out]) => {
    expect(metricsOf(NODE_KINDS.get(kind)!, upstream, done)).toEqual({
      rows: done.rows ?? 0,
      bytes: done.bytes ?? 0,
      rows_in,
      bytes_in,
      rows_out,
      bytes_out,
    });
  });
});
