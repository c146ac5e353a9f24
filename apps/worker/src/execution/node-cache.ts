import { Inject, Injectable, Logger } from '@nestjs/common';
import { type NodeCacheEntry } from '@tauro/database';
import { type Json, renderConfig, type TableRef, type TemplateScope } from '@tauro/domain';
import { type ArtifactStore, type NodeContext, NodeError, type NodeInput, type NodeKind } from '@tauro/nodes';
import { type ClaimedTask, Collections, DUPLICATE_KEY, FAST, type Outcome } from '@tauro/orchestration';
import { LRUCache } from 'lru-cache';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { TablePool } from '../executors/table-pool.js';
import { ARTIFACTS } from '../tokens.js';
import { cacheKeyOf, handlerPart, type InputDigest } from './cache-key.js';

type Success = Outcome & { kind: 'success' };

/**
 * Results of nodes with a `cache`, to be taken by later runs. A result is stored before its attempt is settled, so
 * that whoever sees the task SUCCESS finds it; it is right whatever becomes of the claim, and two that store the same
 * at once replace each other. The cache only saves work: when it cannot be asked, the node executes.
 */
@Injectable()
export class NodeCache {
  private readonly logger = new Logger(NodeCache.name);
  /** Digests of tables by the identity of their file: published tables never change, and links share it. */
  private readonly digests = new LRUCache<string, string>({ max: 1000 });

  constructor(
    private readonly db: Collections,
    private readonly tables: TablePool,
    @Inject(ARTIFACTS) private readonly artifacts: ArtifactStore,
  ) {}

  /** What `execute` yields, or the cached result of the same. @throws TemplateError for a key that cannot be rendered. */
  async through(
    claimed: ClaimedTask,
    kind: NodeKind,
    context: NodeContext,
    scope: TemplateScope,
    execute: () => Promise<Outcome>,
  ): Promise<Outcome> {
    const { node, run } = claimed;
    if (!node.cache) return execute();
    const at = `nodes.${node.id}.cache`;
    const { key } = renderConfig({ ...(node.cache.key && { key: node.cache.key }) }, scope, { at });

    const hash = await this.attempt(context, () => this.hashOf(claimed, kind, context, key));
    if (hash === undefined) return execute();
    const found = run.engine.fresh
      ? null
      : await this.attempt(context, () => this.find(hash, claimed, context));
    if (found) return found;
    const outcome = await execute();
    if (outcome.kind === 'success') {
      await this.attempt(context, async () => {
        // A file that changed while it was read belongs to neither state.
        const still =
          !kind.pins?.has(context.config) || (await this.hashOf(claimed, kind, context, key)) === hash;
        if (still) await this.keep(hash, claimed, outcome);
      });
    }
    return outcome;
  }

  private async attempt<T>(context: NodeContext, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      // What is wrong with the node itself its execution will say; the rest is not for its owner.
      if (context.signal.aborted || error instanceof NodeError) return undefined;
      this.logger.warn(
        { run_id: context.run.id, project_id: context.run.project_id },
        `cache: ${(error as Error).message}`,
      );
      context.log('WARNING', 'the cache cannot be used at the moment');
      return undefined;
    }
  }

  private async hashOf(
    { node, run }: ClaimedTask,
    kind: NodeKind,
    context: NodeContext,
    key: unknown,
  ): Promise<string> {
    const { config } = context;
    const inputs: InputDigest[] = [];
    for (const input of context.inputs) inputs.push(await this.digestOf(input, context.signal));
    return cacheKeyOf({
      project_id: run.project_id,
      type: kind.type,
      config,
      key,
      outputs: node.outputs,
      inputs,
      pins: kind.pins?.has(config) ? await this.pinsOf(kind, context) : null,
      ...(kind.type === 'task' && { handler: handlerPart(context) }),
    });
  }

  private pinsOf(kind: NodeKind, context: NodeContext): Promise<Json> {
    return kind.isolated ? this.tables.pins(kind, context) : kind.pins!.read(context);
  }

  private async digestOf({ node_id, output, table }: NodeInput, signal: AbortSignal): Promise<InputDigest> {
    if (!table) return { node_id, output };
    const path = this.artifacts.path(table.artifact);
    const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
    const identity = [dev, ino, size, mtimeNs].join(':');
    let digest = this.digests.get(identity);
    if (digest === undefined) {
      const hash = createHash('sha256');
      const chunks = createReadStream(path, { highWaterMark: 1024 * 1024, signal });
      for await (const chunk of chunks) hash.update(chunk as Buffer);
      digest = hash.digest('hex');
      this.digests.set(identity, digest);
    }
    return { node_id, table: digest };
  }

  private async find(hash: string, claimed: ClaimedTask, context: NodeContext): Promise<Success | null> {
    const { ttl_seconds } = claimed.node.cache!;
    const now = Date.now();
    const entry = await this.db.cache.findOne({
      _id: hash,
      expires_at: { $gt: new Date(now) },
      // The node that asks may want it younger than the one that made it.
      created_at: { $gt: new Date(now - ttl_seconds * 1000) },
    });
    if (!entry) return null;
    const { run_id, created_at } = entry;
    const output = entry.output as Json;
    const cached = { run_id, created_at };
    if (!entry.table) return { kind: 'success', output, cached };
    const table = await this.takeTable(entry.table, context);
    return table && { kind: 'success', output, table, cached };
  }

  /** The run's own hold on a cached table; null when the table is gone or damaged. */
  private async takeTable(table: TableRef, { run, task }: NodeContext): Promise<TableRef | null> {
    // Not where the node itself would write, which must never write into what others share.
    const key = this.artifacts.tableKey(run.id, task.node_id, `${task.claim_id}-cached`);
    if (!(await this.artifacts.share(table.artifact, key))) return null;
    if (await this.artifacts.isWhole(key, table.bytes)) return { ...table, artifact: key };
    await this.artifacts.remove(key);
    return null;
  }

  private async keep(
    hash: string,
    { node, run, claimId }: ClaimedTask,
    { output, table }: Success,
  ): Promise<void> {
    const kept = table ? { ...table, artifact: this.artifacts.cachedTableKey(hash, claimId) } : null;
    if (table && !(await this.artifacts.share(table.artifact, kept!.artifact))) return;
    const created_at = new Date();
    const entry: Omit<NodeCacheEntry, '_id'> = {
      project_id: run.project_id,
      run_id: run._id,
      node_id: node.id,
      output,
      table: kept,
      created_at,
      expires_at: new Date(created_at.getTime() + node.cache!.ttl_seconds * 1000),
    };
    const options = { ...FAST, upsert: true, returnDocument: 'before' } as const;
    const replace = () => this.db.cache.findOneAndReplace({ _id: hash }, entry, options);
    // Of two that insert it at once the second is refused, and then replaces it.
    const replaced = await replace().catch((error: { code?: number }) => {
      if (error.code !== DUPLICATE_KEY) throw error;
      return replace();
    });
    if (replaced?.table) await this.artifacts.remove(replaced.table.artifact);
  }
}
