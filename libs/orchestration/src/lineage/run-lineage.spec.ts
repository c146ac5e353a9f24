import { type DatasetUse } from '@tauro/domain';
import { joinUses } from './run-lineage.js';

const use = (rest: Partial<DatasetUse>): DatasetUse => ({
  access: 'read',
  namespace: 'file',
  name: '/a.csv',
  ...rest,
});
const columns = [{ name: 'n', type: 'BIGINT' }];

describe('uses of the same dataset', () => {
  it('are one, with what is known of all of them added up', () => {
    const joined = joinUses([use({ rows: 1, bytes: 10 }), use({ rows: 2, bytes: 5, columns })]);
    expect(joined).toEqual([use({ rows: 3, bytes: 15, columns })]);
  });

  it('know nothing together that one of them does not know', () => {
    expect(joinUses([use({ rows: 1, bytes: 1 }), use({ bytes: 1 }), use({ rows: 1 })])).toEqual([use({})]);
  });

  it('are several when one reads and the other writes, or when they lie elsewhere', () => {
    const all = [
      use({}),
      use({ access: 'write' }),
      use({ namespace: 'https://a.example' }),
      use({ name: '/b.csv' }),
    ];
    expect(joinUses(all)).toEqual(all);
  });
});
