import { Injectable } from '@nestjs/common';
import { buildGraph, type PipelineDefinition, type PipelineGraph } from '@tauro/domain';
import { LRUCache } from 'lru-cache';
import { Collections } from './collections.js';

/** A pipeline version ready for use. */
export interface PinnedVersion {
  definition: PipelineDefinition;
  graph: PipelineGraph;
}

/** Versions by id. They never change, so what was read once stays true and is kept. */
@Injectable()
export class PinnedVersions {
  private readonly cache = new LRUCache<string, PinnedVersion>({
    // Bounded by nodes, not by entries: a version of 10,000 nodes weighs as much as 1,000 small ones.
    maxSize: 100_000,
    sizeCalculation: (version) => version.definition.nodes.length + 1,
  });

  constructor(private readonly db: Collections) {}

  /** @throws Error when the version does not exist, which means the database lost it. */
  async get(id: string): Promise<PinnedVersion> {
    const known = this.cache.get(id);
    if (known) return known;
    const version = await this.db.versions.findOne({ _id: id });
    if (!version) throw new Error(`pipeline version ${id} is not stored`);
    const { definition } = version;
    const pinned = { definition, graph: buildGraph(definition) };
    this.cache.set(id, pinned);
    return pinned;
  }
}
