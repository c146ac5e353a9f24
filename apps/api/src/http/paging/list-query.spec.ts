import { type DomainError } from '@tauro/domain';
import { id, oneOf, text } from '../query/query-field.js';
import { encodePlace } from './keyset.js';
import { listReader } from './list-query.js';
import { equals, filter, type ListSpec } from './list-spec.js';

const SPEC: ListSpec = {
  prefix: 'run',
  sortable: { created_at: 'date', started_at: 'date?', name: 'string' },
  defaultSort: '-created_at',
  fields: ['id', 'name', 'state'],
  filters: {
    project_id: equals(id('proj', '')),
    state: equals(oneOf('', ['OPEN', 'DONE'])),
    'tags.*': filter(text(''), (value, name) => ({ [name]: value })),
  },
};
const { read } = listReader(SPEC);

function faultsOf(query: Record<string, unknown>): { field: string; message: string }[] {
  try {
    read(query);
    return [];
  } catch (error) {
    return (error as DomainError).details;
  }
}

describe('the query of a list', () => {
  it('has defaults', () => {
    expect(read({})).toMatchObject({ limit: 50, offset: 0, includeTotal: true, conditions: [] });
    expect(read({}).order).toEqual([{ field: 'created_at', descending: true, nullable: false }]);
  });

  it.each(['0', '101', '-1', '1.5', 'ten', '', '1e2', ' 5'])('refuses limit=%j', (limit) => {
    expect(faultsOf({ limit })).toEqual([expect.objectContaining({ field: 'limit' })]);
  });

  it('refuses a parameter that is given twice', () => {
    expect(faultsOf({ limit: ['1', '2'] })[0]!.message).toContain('once');
  });

  it('tells every fault at once', () => {
    const faults = faultsOf({ limit: 'x', sort: 'secret', fields: 'nope', state: 'CLOSED', project_id: '1' });
    expect(faults.map(({ field }) => field).sort()).toEqual([
      'fields',
      'limit',
      'project_id',
      'sort',
      'state',
    ]);
    expect(faults.find(({ field }) => field === 'state')!.message).toContain('OPEN, DONE');
  });

  it('sorts by several indexed fields, and names those when asked for another', () => {
    expect(read({ sort: '-started_at,name' }).order).toEqual([
      { field: 'started_at', descending: true, nullable: true },
      { field: 'name', descending: false, nullable: false },
    ]);
    expect(faultsOf({ sort: 'params' })[0]!.message).toContain('created_at, started_at, name');
    expect(faultsOf({ sort: 'toString' })).toHaveLength(1);
    expect(faultsOf({ sort: 'name,-name' })).toHaveLength(1);
  });

  it('makes conditions of filters, also of a family of them', () => {
    const { conditions } = read({ state: 'OPEN', 'tags.team': 'a', 'tags.env': 'b' });
    expect(conditions).toEqual([{ state: 'OPEN' }, { 'tags.team': 'a' }, { 'tags.env': 'b' }]);
  });

  it('takes the last id as a cursor, but only in the default order', () => {
    expect(read({ cursor: 'run_abc' }).cursor).toEqual({ afterId: 'run_abc' });
    expect(read({ cursor: 'run_abc', sort: '-created_at' }).cursor).toEqual({ afterId: 'run_abc' });
    expect(faultsOf({ cursor: 'run_abc', sort: 'name' })[0]!.message).toContain('default order');
    expect(faultsOf({ cursor: 'proj_abc' })).toHaveLength(1);
  });

  it('leaves the total out with a cursor unless it is asked for', () => {
    expect(read({ cursor: 'run_abc' }).includeTotal).toBe(false);
    expect(read({ cursor: 'run_abc', include_total: 'true' }).includeTotal).toBe(true);
    expect([read({}).includeTotal, read({ include_total: 'false' }).includeTotal]).toEqual([true, false]);
  });

  it('refuses a cursor together with an offset', () => {
    expect(faultsOf({ cursor: 'run_abc', offset: '0' })[0]!.message).toContain('offset');
  });

  it('goes on in the order of the cursor, and refuses a contrary one', () => {
    const { order } = read({ sort: 'name' });
    const cursor = encodePlace({ order, values: ['b'], id: 'run_b' });
    expect(read({ cursor }).order).toEqual(order);
    expect(read({ cursor, sort: 'name' }).cursor).toEqual({ order, values: ['b'], id: 'run_b' });
    expect(faultsOf({ cursor, sort: '-name' })[0]!.message).toContain('another sort');
  });
});
