import { checksumOf } from './pipeline.service.js';

const node = (config: object): object => ({ id: 'a', type: 'source', config });
const sum = (definition: object): string => checksumOf(definition as never);

describe('whether a definition is another one', () => {
  it('does not depend on how it was written', () => {
    const one = { name: 'p', nodes: [{ id: 'a', type: 'wait' }], config: {} };
    const other = { config: {}, nodes: [{ type: 'wait', id: 'a' }], name: 'p' };
    expect(sum(one)).toBe(sum(other));
  });

  it('depends on the order of columns', () => {
    const rows = (row: object): object => ({ name: 'p', nodes: [node({ rows: [row] })] });
    expect(sum(rows({ a: 1, b: 2 }))).not.toBe(sum(rows({ b: 2, a: 1 })));
  });
});
