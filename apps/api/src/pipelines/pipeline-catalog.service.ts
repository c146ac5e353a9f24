import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Pipeline, PipelineVersion, type Public, toPublic } from '@tauro/database';
import {
  conflict,
  DomainError,
  type EdgeDefinition,
  type FieldDifference,
  invalid,
  type JsonObject,
  type NodeDefinition,
  type PipelineDefinition,
} from '@tauro/domain';
import { PipelineService, type StoredPipeline } from '@tauro/orchestration';
import { type Model } from 'mongoose';
import { confined } from '../auth/access.guard.js';
import { currentScope } from '../auth/principal.js';
import { type Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { DefinitionCheck } from './definition-check.service.js';
import { diffDefinitions } from './diff/definition-diff.js';
import { PIPELINE_LIST, VERSION_LIST } from './pipeline.list.js';

type Body = Record<string, unknown>;
/** A pipeline with its current definition. */
export type Detail = Public<Pipeline> & {
  nodes: NodeDefinition[];
  edges: EdgeDefinition[];
  config: NonNullable<PipelineDefinition['config']>;
  on_failure: string[];
  finally: string[];
  params_schema: JsonObject;
  outputs: JsonObject;
};

interface UpdateOptions {
  projectId?: string;
  /** The version the client has seen. */
  expected?: number;
  request_id: string;
}

const MAX_TRIES = 20;
const DEFINITION_FIELDS = [
  'name',
  'description',
  'nodes',
  'edges',
  'config',
  'on_failure',
  'finally',
  'params_schema',
  'outputs',
];

/** Pipelines as the API shows and changes them. */
@Injectable()
export class PipelineCatalog {
  constructor(
    @InjectModel(Pipeline.name) private readonly pipelines: Model<Pipeline>,
    @InjectModel(PipelineVersion.name) private readonly stored: Model<PipelineVersion>,
    private readonly service: PipelineService,
    private readonly check: DefinitionCheck,
  ) {}

  list(query: ListQuery): Promise<Page<Partial<Public<Pipeline>>>> {
    return findPage(this.pipelines, PIPELINE_LIST, query);
  }

  /** @param ref an id, or a name that is looked up in the project first. */
  async get(ref: string, projectId?: string): Promise<Detail> {
    const pipeline = await this.find(ref, projectId);
    return detail({ pipeline, version: await this.service.definition(pipeline) });
  }

  /** @param body the definition; `project_id` has been taken out. */
  async create(body: Body, project_id: string | null, request_id: string) {
    if (project_id === null && currentScope()) throw confined();
    const definition = await this.check.accept(body);
    const stored = await this.service.create({ project_id, definition, request_id });
    return { ...detail(stored), warnings: await this.check.warnings(definition, project_id) };
  }

  /** Puts the fields of `body` over the current definition and checks the whole. */
  async update(ref: string, body: Body, options: UpdateOptions) {
    const unknown = Object.keys(body).filter((field) => !DEFINITION_FIELDS.includes(field));
    if (unknown.length > 0) {
      const message = `cannot be changed here; only ${DEFINITION_FIELDS.join(', ')} can`;
      throw invalid(unknown.map((field) => ({ field, message, type: 'extra_forbidden' })));
    }
    for (let tries = 1; ; tries++) {
      const pipeline = await this.editable(ref, options.projectId);
      const { definition: current } = await this.service.definition(pipeline);
      const definition = await this.check.accept({ ...current, ...body });
      // What was merged with must still be current when it is replaced, or somebody else's change would be lost.
      const expected = options.expected ?? pipeline.version;
      try {
        const stored = await this.service.update(pipeline._id, definition, { ...options, expected });
        return { ...detail(stored), warnings: await this.check.warnings(definition, pipeline.project_id) };
      } catch (error) {
        const raced = error instanceof DomainError && error.code === 'PRECONDITION_FAILED';
        if (!raced || options.expected !== undefined) throw error;
        if (tries === MAX_TRIES) throw conflict(`pipeline '${ref}' is being changed by others; try again`);
      }
    }
  }

  async remove(ref: string, projectId?: string): Promise<string> {
    const pipeline = await this.editable(ref, projectId);
    await this.service.remove(pipeline._id);
    return pipeline._id;
  }

  async versions(
    ref: string,
    query: ListQuery,
    projectId?: string,
  ): Promise<Page<Partial<Public<PipelineVersion>>>> {
    const { _id } = await this.find(ref, projectId);
    return findPage(this.stored, VERSION_LIST, query, { pipeline_id: _id });
  }

  async version(ref: string, number: number, projectId?: string): Promise<Public<PipelineVersion>> {
    const pipeline = await this.find(ref, projectId);
    return toPublic(await this.service.definition(pipeline, number));
  }

  async diff(ref: string, from: number, to: number, projectId?: string): Promise<FieldDifference[]> {
    const pipeline = await this.find(ref, projectId);
    const [old, latest] = await Promise.all(
      [from, to].map((number) => this.service.definition(pipeline, number)),
    );
    return diffDefinitions(old!.definition, latest!.definition);
  }

  /** Of what whoever asks may see. @throws DomainError NOT_FOUND, CONFLICT */
  private find(ref: string, projectId?: string): Promise<Pipeline> {
    return this.service.resolveWithin(currentScope(), ref, projectId);
  }

  /** @throws DomainError CONFLICT for a discovered pipeline, whose file would win over any change. */
  private async editable(ref: string, projectId?: string): Promise<Pipeline> {
    const pipeline = await this.find(ref, projectId);
    if (pipeline.project_id === null && currentScope()) throw confined();
    if (pipeline.source === 'api') return pipeline;
    throw conflict(`pipeline '${pipeline.name}' comes from the file ${pipeline.path}: change that instead`);
  }
}

function detail({ pipeline, version }: StoredPipeline): Detail {
  const {
    nodes,
    edges = [],
    config = {},
    on_failure = [],
    params_schema = {},
    outputs = {},
  } = version.definition;
  const { finally: last = [] } = version.definition;
  const { id, name, description, ...rest } = toPublic(pipeline);
  return {
    id,
    name,
    description,
    nodes,
    edges,
    config,
    on_failure,
    finally: last,
    params_schema,
    outputs,
    ...rest,
  };
}
