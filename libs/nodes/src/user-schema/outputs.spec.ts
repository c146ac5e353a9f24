import { type Json, type NodeDefinition, type OutputType } from '@tauro/domain';
import { declaredOutputFaults, outputFault } from './outputs.js';

const node = (outputs?: Record<string, OutputType>): NodeDefinition => ({
  id: 'n',
  type: 'task',
  ...(outputs && { outputs }),
});

describe('the outputs that a node declares', () => {
  it.each<[Record<string, OutputType>, Json]>([
    [{}, 'whatever'],
    [{ rows: 'integer' }, { rows: 3, more: true }],
    [
      { a: 'any', b: 'null', c: 'array' },
      { a: null, b: null, c: [] },
    ],
    [{ day: { type: 'string', format: 'date' } }, { day: '2026-01-31' }],
  ])('%j accept %j', (outputs, output) => {
    expect(outputFault(node(outputs), output)).toBeUndefined();
  });

  it.each<[Record<string, OutputType>, Json, string]>([
    [{ rows: 'integer' }, null, "must be an object with 'rows', got null"],
    [{ rows: 'integer' }, [1], "must be an object with 'rows', got a list"],
    [{ rows: 'integer' }, {}, "'rows' is missing"],
    [{ rows: 'integer' }, { rows: '3' }, "rows must be an integer, got the string '3'"],
    [
      { rows: 'integer', path: 'string' },
      { rows: 1.5 },
      "rows must be an integer, got the number 1.5; 'path' is missing",
    ],
    [{ at: { properties: { x: { type: 'number' } }, required: ['x'] } }, { at: {} }, 'at.x is required'],
    [
      { at: { properties: { x: { type: 'number', default: 1 } }, required: ['y'] } },
      { at: {} },
      'at.y is required',
    ],
    [{ text: 'integer' }, { text: '{{ run.id }}' }, "text must be an integer, got the string '{{ run.id }}'"],
  ])('%j refuse %j', (outputs, output, fault) => {
    expect(outputFault(node(outputs), output)).toBe(fault);
  });

  it('are checked as schemas are', () => {
    expect(declaredOutputFaults(node({ rows: { tpye: 'integer' } as never }))[0]).toMatchObject({
      field: 'outputs.rows.tpye',
    });
    expect(declaredOutputFaults(node({ 'no name': 'integer' }))[0]).toMatchObject({
      field: 'outputs.no name',
    });
    expect(declaredOutputFaults(node({ rows: 'integer' }))).toEqual([]);
  });
});
