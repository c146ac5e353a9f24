import { createContext, Script } from 'node:vm';
import { Environment } from '@marcbachmann/cel-js';
import { type Json, type JsonObject } from './pipeline.js';
import { type TaskState } from './states.js';

/** What a node's `when` may look at. */
export interface ConditionScope {
  params: JsonObject;
  run: { [key: string]: Json };
  /** By node id: how it ended and what it left. Only nodes upstream are there. */
  nodes: { [nodeId: string]: { state: TaskState; output: Json } };
  /** Of one task of a mapped node. */
  item?: Json;
  index?: number;
}

/** A condition that cannot be read, or has no answer. The message is for the author of the pipeline. */
export class ConditionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConditionError';
  }
}

/**
 * Conditions are CEL (Common Expression Language): no side effects, no access but to its variables.
 * JSON has one kind of number, so a double and an int may be mixed here, which plain CEL refuses.
 */
const environment = new Environment({ limits: { maxAstNodes: 500, maxDepth: 50 } })
  .registerVariable('params', 'map')
  .registerVariable('run', 'map')
  .registerVariable('nodes', 'map');

const ARITHMETIC: Record<string, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
};
for (const [sign, compute] of Object.entries(ARITHMETIC)) {
  const mixed = (a: number | bigint, b: number | bigint): number => compute(Number(a), Number(b));
  environment.registerOperator(`double ${sign} int`, mixed).registerOperator(`int ${sign} double`, mixed);
}
environment.registerOperator('double % double', ARITHMETIC['%']!);

/** In a mapped node a condition may also look at the item, and is then asked for each of them. */
const itemEnvironment = environment.clone().registerVariable('item', 'dyn').registerVariable('index', 'dyn');

/**
 * How long an answer may take, in ms. Lists within lists (`all`, `exists`, `map`) can take for ever, and conditions
 * are evaluated where heartbeats are sent.
 */
const MAX_MS = 250;
/** A process that was frozen meanwhile has used the time up as well, so there is a second try. */
const TRIES = 2;

const sandbox = createContext({ answer: undefined as unknown });
const bounded = new Script('answer()');

/** @throws what `work` throws, or ConditionError when it was stopped because it took too long. */
function within<T>(work: () => T): T {
  for (let left = TRIES - 1; ; left--) {
    sandbox.answer = work;
    try {
      return bounded.runInContext(sandbox, { timeout: MAX_MS }) as T;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      if (left === 0) throw new ConditionError(`takes longer than ${MAX_MS} ms; look at shorter lists`);
    } finally {
      sandbox.answer = undefined;
    }
  }
}

/** A parsed expression: an operator, and what it is applied to. */
interface Part {
  op: string;
  args: unknown;
}

/** Every part of a condition that can be parsed. */
function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === 'object' && value !== null && 'op' in value && 'args' in value) {
      parts.push(value as Part);
      walk(value.args);
    }
  };
  walk(itemEnvironment.parse(text).ast);
  return parts;
}

/** Not stopped by a limit of time: a regular expression is one step, however long it takes. */
const matches = ({ op, args }: Part): boolean =>
  (op === 'call' || op === 'rcall') && (args as unknown[])[0] === 'matches';

/**
 * What is wrong with a condition before there is anything to evaluate it with; null when nothing is.
 * @param mapped whether the node has a `for_each`, so that there is an `item` and an `index`.
 */
export function conditionFault(text: string, mapped = false): string | null {
  try {
    if (partsOf(text).some(matches)) {
      return "'matches' is not available; use startsWith, endsWith, contains or ==";
    }
    const checked = (mapped ? itemEnvironment : environment).parse(text).check();
    if (checked.valid && checked.type !== 'bool' && checked.type !== 'dyn') {
      return `must be true or false, but is of type ${checked.type}`;
    }
    return checked.valid ? null : firstLine(checked.error);
  } catch (error) {
    return firstLine(error);
  }
}

/** Whether a condition that has no fault looks at the item or its index. */
export const asksOfItem = (text: string): boolean => conditionFault(text) !== null;

/** The ids of the nodes that a condition without a fault looks at, as far as they are written out. */
export function nodesInCondition(text: string): string[] {
  const ids = partsOf(text).flatMap(({ op, args }) => {
    if (op !== '.' && op !== '[]') return [];
    const [of, key] = args as [Part, string | Part];
    if (of.op !== 'id' || of.args !== 'nodes') return [];
    return typeof key === 'string' ? [key] : key.op === 'value' ? [String(key.args)] : [];
  });
  return [...new Set(ids)];
}

/** Whether a condition looks at secrets; one that cannot be read does not. */
export function asksOfSecrets(text: string): boolean {
  try {
    return partsOf(text).some(({ op, args }) => op === 'id' && args === 'secrets');
  } catch {
    return false;
  }
}

/** @throws ConditionError when a name is missing, the answer is neither true nor false, or it takes too long. */
export function evaluateCondition(text: string, scope: ConditionScope): boolean {
  let answer: unknown;
  try {
    const { params, run, nodes, item, index } = scope;
    const always = { params: asMap(params), run: asMap(run), nodes: asMap(nodes) };
    answer = within((): unknown =>
      item === undefined
        ? environment.parse(text)(always)
        : itemEnvironment.parse(text)({ ...always, item: asMap(item), index }),
    );
  } catch (error) {
    throw new ConditionError(`when: ${text}: ${firstLine(error)}`);
  }
  if (typeof answer !== 'boolean')
    throw new ConditionError(`when: ${text}: must be true or false, but is ${typeof answer}`);
  return answer;
}

/** Maps, because a key of somebody's output such as `constructor` would be taken for the class of an object. */
const asMap = (value: Json): unknown => {
  if (Array.isArray(value)) return value.map(asMap);
  if (value === null || typeof value !== 'object') return value;
  return new Map(Object.entries(value).map(([key, inner]) => [key, asMap(inner)]));
};

const firstLine = (error: unknown): string => (error as Error).message.split('\n')[0]!;
