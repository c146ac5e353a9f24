import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Pipeline, type Public, SourceMark, toPublic } from '@tauro/database';
import { invalid, markId, notFound } from '@tauro/domain';
import { NODE_KINDS } from '@tauro/nodes';
import { Collections, DUPLICATE_KEY, PipelineService } from '@tauro/orchestration';
import { type Model } from 'mongoose';
import { currentPrincipal, currentScope } from '../auth/principal.js';
import { type Page } from '../http/envelope.js';
import { stale } from '../http/etag.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { MARK_LIST } from './mark.list.js';

/** The node of a pipeline, as a request names it. */
export interface NodeRef {
  pipeline: string;
  node: string;
  project_id: string | undefined;
}

/** Marks of incremental sources as the API shows, sets and resets them. */
@Injectable()
export class MarkService {
  constructor(
    @InjectModel(SourceMark.name) private readonly marks: Model<SourceMark>,
    private readonly db: Collections,
    private readonly pipelines: PipelineService,
  ) {}

  /** Those of a pipeline; of one for all projects, those of all of them or of one. */
  async list(ref: string, query: ListQuery): Promise<Page<Partial<Public<SourceMark>>>> {
    const project_id = query.values.project_id as string | undefined;
    const { _id: pipeline_id } = await this.pipelineOf(ref, project_id);
    return findPage(this.marks, MARK_LIST, query, { pipeline_id, ...(project_id && { project_id }) });
  }

  /** @throws DomainError NOT_FOUND */
  async get(ref: NodeRef): Promise<Public<SourceMark>> {
    const { _id } = await this.placeOf(ref);
    const mark = await this.db.marks.findOne({ _id });
    if (!mark) throw notFound('mark of node', ref.node);
    return toPublic(mark);
  }

  /**
   * Runs that began before do not move it any more. @param expected the revision the client has seen.
   * @throws DomainError NOT_FOUND, PRECONDITION_FAILED, VALIDATION_ERROR for a node that reads everything.
   */
  async set(ref: NodeRef, value: string, expected: number | undefined): Promise<Public<SourceMark>> {
    const { _id, pipeline, ...place } = await this.placeOf(ref);
    const { definition } = await this.pipelines.definition(pipeline);
    const node = definition.nodes.find(({ id }) => id === ref.node);
    if (!node) throw notFound('node', ref.node);
    const by = NODE_KINDS.get(node.type)?.incremental?.(node.config ?? {});
    if (by === undefined) {
      const message = `node '${ref.node}' of the pipeline's current version is no source with 'incremental'`;
      throw invalid([{ field: 'node_id', message, type: 'value_error' }]);
    }
    const now = new Date();
    const $set = { by, value, run_id: null, updated_by: currentPrincipal().id, updated_at: now };
    const change = { $set, $setOnInsert: { ...place, created_at: now }, $inc: { revision: 1 } };
    const filter = { _id, ...(expected !== undefined && { revision: expected }) };
    const options = { returnDocument: 'after', upsert: expected === undefined } as const;
    const write = () => this.db.marks.findOneAndUpdate(filter, change, options);
    // Of two that insert it at once the second is refused, and then changes it.
    const mark = await write().catch((error: { code?: number }) => {
      if (error.code !== DUPLICATE_KEY) throw error;
      return write();
    });
    if (mark) return toPublic(mark);
    await this.get(ref);
    throw stale();
  }

  /** The record stays, so that runs which began before do not move it. @throws DomainError NOT_FOUND */
  async reset(ref: NodeRef): Promise<Public<SourceMark>> {
    const { _id } = await this.placeOf(ref);
    const $set = { value: null, run_id: null, updated_by: currentPrincipal().id, updated_at: new Date() };
    const options = { returnDocument: 'after' } as const;
    const mark = await this.db.marks.findOneAndUpdate({ _id }, { $set, $inc: { revision: 1 } }, options);
    if (!mark) throw notFound('mark of node', ref.node);
    return toPublic(mark);
  }

  private async placeOf({ pipeline: ref, node: node_id, project_id: asked }: NodeRef) {
    const pipeline = await this.pipelineOf(ref, asked);
    const project_id = pipeline.project_id ?? asked;
    if (!project_id) {
      const message = 'is needed: the pipeline is there for all projects, and has marks in each of them';
      throw invalid([{ field: 'project_id', message, type: 'missing' }]);
    }
    return {
      _id: markId(project_id, pipeline._id, node_id),
      pipeline,
      project_id,
      pipeline_id: pipeline._id,
      node_id,
    };
  }

  private pipelineOf(ref: string, project_id: string | undefined): Promise<Pipeline> {
    return this.pipelines.resolveWithin(currentScope(), ref, project_id);
  }
}
