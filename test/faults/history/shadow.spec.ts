import { applyUpdate } from './shadow.js';

it('a copy follows what a change stream says of the stored document', () => {
  const copy = {
    state: 'RUNNING',
    engine: { claim: { id: 'c' }, check_at: 1 },
    attempts: [{ n: 1 }, { n: 2 }],
  };
  applyUpdate(copy, {
    updatedFields: { state: 'QUEUED', 'engine.claim': null, 'attempts.0.n': 7 },
    removedFields: ['engine.check_at'],
    truncatedArrays: [{ field: 'attempts', newSize: 1 }],
  });
  expect(copy).toEqual({ state: 'QUEUED', engine: { claim: null }, attempts: [{ n: 7 }] });
});

it('a copy grows with an array that is appended to', () => {
  const copy = { attempts: [] };
  applyUpdate(copy, { updatedFields: { 'attempts.0': { n: 1 } } });
  expect(copy).toEqual({ attempts: [{ n: 1 }] });
});
