import { type ForEach, type Json, type JsonObject } from './pipeline.js';
import { type TaskState } from './states.js';

/** Most items of one mapped node, and what they may weigh as JSON: one, and all together. */
export const MAX_ITEMS = 10_000;
const MAX_ITEM_BYTES = 65_536;
const MAX_ITEMS_BYTES = 4 * 1024 * 1024;
/** What the outputs of all items may weigh in the output of their node. */
const MAX_OUTPUTS_BYTES = 60_000;
/** Failures that an output spells out; all of them are counted. */
const MAX_FAILURES = 20;
const MAX_MESSAGE = 500;

/** Why a node cannot be mapped over what its `items` gave; undefined when it can. */
export function itemsFault(items: unknown): string | undefined {
  if (!Array.isArray(items)) {
    return `must give a list, got ${items === null ? 'null' : typeof items === 'object' ? 'an object' : `a ${typeof items}`}`;
  }
  if (items.length > MAX_ITEMS) return `has ${items.length} items, at most ${MAX_ITEMS} are allowed`;
  let total = 0;
  for (const [index, item] of items.entries()) {
    const bytes = Buffer.byteLength(JSON.stringify(item));
    if (bytes > MAX_ITEM_BYTES) {
      return `item ${index} has ${bytes} bytes as JSON, at most ${MAX_ITEM_BYTES} are allowed`;
    }
    total += bytes;
    if (total > MAX_ITEMS_BYTES) return `its items have more than ${MAX_ITEMS_BYTES} bytes as JSON`;
  }
  return undefined;
}

/** How one item of a mapped node ended. */
export interface EndedItem {
  index: number;
  state: TaskState;
  output: Json;
  error: { type: string; message: string } | null;
}

/** What a mapped node leaves behind, and why it failed if it did. */
export interface MappedResult {
  /** CANCELLED when items were cancelled though none failed: their run is being cancelled. */
  state: 'SUCCESS' | 'FAILED' | 'CANCELLED';
  output: JsonObject;
  error: { type: string; message: string } | null;
}

/**
 * Collects how the items of a mapped node ended, in their order and without ever holding more than fits:
 * outputs that together outgrow 60 KB are left out (`truncated: true`), counts and the first failures are not.
 */
export class ItemCollector {
  private readonly counts = { succeeded: 0, failed: 0, skipped: 0, cancelled: 0 };
  private readonly failures: JsonObject[] = [];
  private outputs: Json[] | null = [];
  private bytes = 0;
  private count = 0;

  add({ index, state, output, error }: EndedItem): void {
    this.count++;
    this.counts[COUNTED_AS[state] ?? 'cancelled']++;
    if (state === 'FAILED' && this.failures.length < MAX_FAILURES) {
      const { type, message } = error ?? { type: 'Failed', message: 'no message' };
      this.failures.push({ index, type, message: message.slice(0, MAX_MESSAGE) });
    }
    if (!this.outputs) return;
    const kept = state === 'SUCCESS' ? output : null;
    this.bytes += Buffer.byteLength(JSON.stringify(kept)) + 1;
    if (this.bytes > MAX_OUTPUTS_BYTES) this.outputs = null;
    else this.outputs.push(kept);
  }

  result(policy: ForEach['on_item_failure'] = 'fail'): MappedResult {
    const { count, counts, failures } = this;
    const output: JsonObject = {
      ...(this.outputs ? { items: this.outputs } : { truncated: true }),
      count,
      ...counts,
      ...(failures.length > 0 && { failures }),
    };
    const [first] = failures;
    if (!first || policy === 'continue') {
      return { state: counts.cancelled > 0 ? 'CANCELLED' : 'SUCCESS', output, error: null };
    }
    const message = `${counts.failed} of ${count} items failed; the first, item ${String(first.index)}: ${String(first.message)}`;
    return { state: 'FAILED', output, error: { type: 'ItemsFailed', message } };
  }
}

const COUNTED_AS: Partial<Record<TaskState, 'succeeded' | 'failed' | 'skipped'>> = {
  SUCCESS: 'succeeded',
  FAILED: 'failed',
  SKIPPED: 'skipped',
};

/** How logs and reasons call a task: its node, and the item's place for one of a mapped node. */
export const taskLabel = (task: { node_id: string; index?: number | null }): string =>
  typeof task.index === 'number' ? `${task.node_id}[${task.index}]` : task.node_id;
