import { Injectable, Logger } from '@nestjs/common';
import { type Pipeline, type PipelineSource, type PipelineVersion, versionId } from '@tauro/database';
import {
  ACTIVE_RUN_STATES,
  conflict,
  DomainError,
  isId,
  newId,
  notFound,
  type PipelineDefinition,
  type ProjectScope,
} from '@tauro/domain';
import { createHash } from 'node:crypto';
import { Batches } from './batches.js';
import { Collections, DUPLICATE_KEY, joinedFind } from './collections.js';

type NameInProject = Pick<Pipeline, 'name_key' | 'project_id'>;

export interface StoredPipeline {
  pipeline: Pipeline;
  version: PipelineVersion;
}

/** A definition found in a file or module, already validated. */
export interface DiscoveredPipeline {
  definition: PipelineDefinition;
  source: Exclude<PipelineSource, 'api'>;
  /** Relative to where it was looked for. */
  path: string;
}

/** Pipelines and their versions. Definitions are validated by the caller; here only names and races matter. */
@Injectable()
export class PipelineService {
  private readonly logger = new Logger(PipelineService.name);
  private readonly byId = joinedFind(() => this.db.pipelines);
  private readonly byName = new Batches<NameInProject, Pipeline | null>((asked) => this.findNamed(asked));

  constructor(private readonly db: Collections) {}

  /** @throws DomainError CONFLICT when the project has a pipeline of that name. */
  async create(input: {
    project_id: string | null;
    definition: PipelineDefinition;
    request_id?: string | null;
  }): Promise<StoredPipeline> {
    const { project_id } = input;
    if (project_id && !(await this.db.projects.findOne({ _id: project_id }, { projection: { _id: 1 } }))) {
      throw notFound('project', project_id);
    }
    return this.insert(newId('pipe'), { ...input, source: 'api', path: null });
  }

  /**
   * Makes `definition` the current version; an unchanged one changes nothing.
   * @param expected the version the caller has seen; another one is PRECONDITION_FAILED.
   */
  async update(
    id: string,
    definition: PipelineDefinition,
    options: { expected?: number; request_id?: string | null; path?: string } = {},
  ): Promise<StoredPipeline> {
    for (let tries = 0; tries < 10; tries++) {
      const pipeline = await this.db.pipelines.findOne({ _id: id });
      if (!pipeline) throw notFound('pipeline', id);
      if (options.expected !== undefined && options.expected !== pipeline.version) {
        throw new DomainError(
          'PRECONDITION_FAILED',
          `pipeline '${id}' is at version ${pipeline.version} by now`,
        );
      }
      const current = await this.version(id, pipeline.version);
      const checksum = checksumOf(definition);
      if (current.checksum === checksum && (options.path ?? pipeline.path) === pipeline.path) {
        return { pipeline, version: current };
      }
      const changed = current.checksum !== checksum;
      const version = changed
        ? await this.nextVersion(pipeline, definition, checksum, options.request_id)
        : current;
      try {
        const updated = await this.db.pipelines.findOneAndUpdate(
          { _id: id, version: pipeline.version },
          {
            $set: {
              ...headOf(definition),
              version: version.version,
              path: options.path ?? pipeline.path,
              updated_at: new Date(),
            },
          },
          { returnDocument: 'after' },
        );
        // Nobody matched: another update was faster, so look again at what is current now.
        if (updated) return { pipeline: updated, version };
        if (changed) await this.db.versions.deleteOne({ _id: version._id });
      } catch (error) {
        // The name is taken, so nothing was changed. (After a lost connection the write may have been made.)
        if (changed && (error as { code?: number }).code === DUPLICATE_KEY) {
          await this.db.versions.deleteOne({ _id: version._id });
        }
        throw nameTaken(error, definition.name);
      }
    }
    throw conflict(`pipeline '${id}' is being changed by others; try again`);
  }

  /** Its versions stay, because runs are pinned to them. @throws DomainError CONFLICT while a run is active, a schedule or a trigger enabled. */
  async remove(id: string): Promise<void> {
    const active = await this.db.runs.findOne({ pipeline_id: id, state: { $in: ACTIVE_RUN_STATES } });
    if (active) throw conflict(`pipeline '${id}' has an active run, '${active._id}' (${active.state})`);
    const schedule = await this.db.schedules.findOne({ pipeline_id: id, enabled: true });
    if (schedule) {
      throw conflict(`pipeline '${id}' is run by schedule '${schedule._id}'; disable or delete that first`);
    }
    const trigger = await this.db.triggers.findOne({
      enabled: true,
      $or: [{ pipeline_id: id }, { kind: 'PIPELINE', after: id }],
    });
    if (trigger) {
      const how = trigger.pipeline_id === id ? 'started' : 'waited for';
      throw conflict(`pipeline '${id}' is ${how} by trigger '${trigger._id}'; disable or delete that first`);
    }
    const { deletedCount } = await this.db.pipelines.deleteOne({ _id: id });
    if (deletedCount === 0) throw notFound('pipeline', id);
    await this.db.marks.deleteMany({ pipeline_id: id });
  }

  /**
   * Finds a pipeline by id, or by name: in the project first, then among those without a project.
   * @throws DomainError NOT_FOUND
   */
  async resolve(ref: string, projectId: string): Promise<Pipeline> {
    const pipeline = await this.ofId(ref, projectId);
    if (pipeline) return pipeline;
    const known = await this.byName.ask({ name_key: ref.toLowerCase(), project_id: projectId });
    if (known) return known;
    throw notFound('pipeline', ref);
  }

  /**
   * The same without a project, where a name may also be the only one of its kind anywhere.
   * @param within the projects that are looked at for it; null for all. @throws DomainError NOT_FOUND, CONFLICT
   */
  async resolveWithin(within: ProjectScope, ref: string, projectId: string | undefined): Promise<Pipeline> {
    if (projectId) return this.resolve(ref, projectId);
    const pipeline = await this.ofId(ref);
    if (pipeline) return pipeline;
    const name_key = ref.toLowerCase();
    const named = await this.db.pipelines
      .find({ name_key, ...(within && { project_id: { $in: [...within, null] } }) })
      .limit(100)
      .toArray();
    const shared = named.find((one) => one.project_id === null);
    if (shared) return shared;
    if (named.length > 1) {
      throw conflict(`${named.length} projects have a pipeline '${ref}': use its id, or say project_id`);
    }
    if (!named[0]) throw notFound('pipeline', ref);
    return named[0];
  }

  private async ofId(ref: string, projectId?: string): Promise<Pipeline | undefined> {
    if (!isId('pipe', ref)) return undefined;
    const pipeline = await this.byId.ask(ref);
    const foreign = projectId && pipeline?.project_id && pipeline.project_id !== projectId;
    return pipeline && !foreign ? pipeline : undefined;
  }

  /** For each the one of its project, or else the one that is everybody's. */
  private async findNamed(asked: NameInProject[]): Promise<(Pipeline | null)[]> {
    const keyOf = ({ name_key, project_id }: NameInProject): string => `${project_id}/${name_key}`;
    const wanted = new Map(
      asked.flatMap((one) => [one, { ...one, project_id: null }]).map((one) => [keyOf(one), one]),
    );
    const found = await this.db.pipelines
      .find({ $or: [...wanted.values()].map(({ name_key, project_id }) => ({ name_key, project_id })) })
      .toArray();
    const byKey = new Map(found.map((pipeline) => [keyOf(pipeline), pipeline]));
    return asked.map(
      (one) => byKey.get(keyOf(one)) ?? byKey.get(keyOf({ ...one, project_id: null })) ?? null,
    );
  }

  /** One version with its definition; the current one when none is named. @throws DomainError NOT_FOUND */
  async definition(pipeline: Pipeline, version: number = pipeline.version): Promise<PipelineVersion> {
    return this.version(pipeline._id, version);
  }

  /** The id a new run of this pipeline is pinned to. */
  currentVersionId(pipeline: Pipeline): string {
    return versionId(pipeline._id, pipeline.version);
  }

  /** Makes the discovered pipelines the ones given: new, changed and vanished files alike. */
  async syncDiscovered(found: DiscoveredPipeline[]): Promise<void> {
    for (const { definition, source, path } of found) {
      const id = discoveredId(definition.name);
      try {
        if (await this.db.pipelines.findOne({ _id: id }, { projection: { _id: 1 } })) {
          await this.update(id, definition, { path });
        } else {
          await this.insert(id, { definition, source, path, project_id: null });
        }
      } catch (error) {
        // Another replica found the same file at the same moment, or a stored pipeline has the name.
        if (!(error instanceof DomainError)) throw error;
        if (!(await this.db.pipelines.findOne({ _id: id }))) this.logger.error(`${path}: ${error.message}`);
      }
    }
    const present = found.map(({ definition }) => discoveredId(definition.name));
    await this.db.pipelines.deleteMany({ source: { $ne: 'api' }, _id: { $nin: present } });
  }

  private async insert(
    id: string,
    input: Pick<Pipeline, 'source' | 'path' | 'project_id'> & {
      definition: PipelineDefinition;
      request_id?: string | null;
    },
  ): Promise<StoredPipeline> {
    const { definition, source, path, project_id, request_id = null } = input;
    const now = new Date();
    // A discovered pipeline whose file vanished and came back goes on counting.
    const last = await this.db.versions.findOne({ pipeline_id: id }, { sort: { version: -1 } });
    const number = last ? last.version + 1 : 1;
    const version = versionOf(id, number, definition, now, request_id);
    const pipeline: Pipeline = {
      _id: id,
      ...headOf(definition),
      project_id,
      source,
      path,
      version: number,
      created_at: now,
      updated_at: now,
      request_id,
    };
    try {
      await this.db.versions.insertOne(version);
      await this.db.pipelines.insertOne(pipeline);
    } catch (error) {
      // Nobody can be pinned to a version whose pipeline never came to be.
      if (!(await this.db.pipelines.findOne({ _id: id })))
        await this.db.versions.deleteOne({ _id: version._id });
      throw nameTaken(error, definition.name);
    }
    return { pipeline, version };
  }

  private async nextVersion(
    pipeline: Pipeline,
    definition: PipelineDefinition,
    checksum: string,
    request_id: string | null = null,
  ): Promise<PipelineVersion> {
    const last = await this.db.versions.findOne({ pipeline_id: pipeline._id }, { sort: { version: -1 } });
    const version = versionOf(pipeline._id, (last?.version ?? 0) + 1, definition, new Date(), request_id);
    try {
      await this.db.versions.insertOne(version);
    } catch (error) {
      if ((error as { code?: number }).code === DUPLICATE_KEY) {
        return this.nextVersion(pipeline, definition, checksum, request_id);
      }
      throw error;
    }
    return version;
  }

  private async version(pipelineId: string, version: number): Promise<PipelineVersion> {
    const found = await this.db.versions.findOne({ _id: versionId(pipelineId, version) });
    if (!found) throw notFound('version', version, `in pipeline '${pipelineId}'`);
    return found;
  }
}

/** A discovered pipeline has the same id on every replica and after every restart. */
export function discoveredId(name: string): string {
  return `pipe_${createHash('sha256').update(name.toLowerCase()).digest('hex').slice(0, 26)}`;
}

const headOf = (
  definition: PipelineDefinition,
): Pick<Pipeline, 'name' | 'name_key' | 'description' | 'node_count'> => ({
  name: definition.name,
  name_key: definition.name.toLowerCase(),
  description: definition.description ?? '',
  node_count: definition.nodes.length,
});

const versionOf = (
  pipeline_id: string,
  version: number,
  definition: PipelineDefinition,
  created_at: Date,
  request_id: string | null,
): PipelineVersion => ({
  _id: versionId(pipeline_id, version),
  pipeline_id,
  version,
  definition,
  checksum: checksumOf(definition),
  created_at,
  request_id,
});

function nameTaken(error: unknown, name: string): unknown {
  return (error as { code?: number }).code === DUPLICATE_KEY
    ? conflict(`a pipeline named '${name}' exists already`, [
        { field: 'name', message: 'is taken (names are compared without regard to case)', type: 'conflict' },
      ])
    : error;
}

/**
 * SHA-256 of the canonical JSON: keys in order, so that how a file was written makes no version. Within a `config` the
 * order as written counts, because it may be that of columns.
 */
export function checksumOf(definition: PipelineDefinition): string {
  const canonical = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(canonical);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, inner]) => [key, key === 'config' ? inner : canonical(inner)]),
    );
  };
  return createHash('sha256')
    .update(JSON.stringify(canonical(definition)))
    .digest('hex');
}
