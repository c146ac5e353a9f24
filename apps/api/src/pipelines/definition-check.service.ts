import { Injectable } from '@nestjs/common';
import {
  buildGraph,
  criticalPath,
  edgesOf,
  type ErrorDetail,
  invalid,
  type NodeDefinition,
  type PipelineDefinition,
  templatesIn,
} from '@tauro/domain';
import { type Secret } from '@tauro/database';
import { NODE_KINDS } from '@tauro/nodes';
import { Collections, namedFor, WorkerRegistry } from '@tauro/orchestration';
import { type mongo } from 'mongoose';
import { DefinitionChecker } from './checking/definition-checker.service.js';
import { type ValidationReport } from './pipeline.dto.js';

/** What a worker must be enabled for to run a `command` node beside itself, in a container, or as a Job. */
const COMMANDS = {
  commands: 'no live worker runs commands (COMMANDS_ENABLED)',
  containers: 'no live worker runs containers (CONTAINERS_ENABLED)',
  kubernetes: 'no live worker runs Kubernetes Jobs (KUBERNETES_ENABLED)',
};

const placeOf = ({ image, executor }: NonNullable<NodeDefinition['config']>): keyof typeof COMMANDS => {
  if (executor === 'kubernetes') return 'kubernetes';
  return image === undefined ? 'commands' : 'containers';
};

/** Says what is wrong with a definition, and what is only not ready for it yet. */
@Injectable()
export class DefinitionCheck {
  constructor(
    private readonly checker: DefinitionChecker,
    private readonly workers: WorkerRegistry,
    private readonly db: Collections,
  ) {}

  /** @throws DomainError VALIDATION_ERROR with one entry per fault. */
  async accept(definition: unknown): Promise<PipelineDefinition> {
    const errors = await this.checker.check(definition);
    if (errors.length > 0) throw invalid(errors);
    return definition as PipelineDefinition;
  }

  /** The same as data, for who only asks. */
  async report(definition: unknown, project_id: string | null): Promise<ValidationReport> {
    const errors = await this.checker.check(definition);
    if (errors.length > 0) return { valid: false, errors, warnings: [], summary: null };
    const pipeline = definition as PipelineDefinition;
    const summary = {
      nodes: pipeline.nodes.length,
      edges: edgesOf(pipeline).length,
      longest_chain: criticalPath(buildGraph(pipeline)).length,
    };
    return { valid: true, errors, warnings: await this.warnings(pipeline, project_id), summary };
  }

  /**
   * What does not exist yet: a handler, tags or leave to run commands that no live worker has, a pool, another pipeline,
   * a secret, a variable, a connection of the kind.
   */
  async warnings({ nodes }: PipelineDefinition, project_id: string | null): Promise<ErrorDetail[]> {
    return [
      ...(await this.waits(nodes)),
      ...(await this.absentPipelines(nodes)),
      ...(await this.absent('secrets', nodes, project_id)),
      ...(await this.absent('variables', nodes, project_id)),
      ...(await this.absentConnections(nodes, project_id)),
    ];
  }

  private async absent(
    sort: 'secrets' | 'variables',
    nodes: NodeDefinition[],
    project_id: string | null,
  ): Promise<ErrorDetail[]> {
    const named = nodes.flatMap(({ id, config }, i) =>
      templatesIn(config ?? {}).flatMap(({ names: [root, name], path }) =>
        root === sort ? [{ id, name: String(name), field: [`nodes.${i}.config`, ...path].join('.') }] : [],
      ),
    );
    if (named.length === 0) return [];
    const places: mongo.Collection<Pick<Secret, 'name' | 'project_id'>> = this.db.named(sort);
    const found = await places
      .find({ name: { $in: named.map(({ name }) => name) }, project_id: { $in: [project_id, null] } })
      .project<{ name: string }>({ name: 1 })
      .toArray();
    const known = new Set(found.map(({ name }) => name));
    return named
      .filter(({ name }) => !known.has(name))
      .map(({ id, name, field }) => ({
        field,
        message: `node '${id}': there is no ${sort.slice(0, -1)} '${name}'; its task fails unless there is one by then`,
        type: `unknown_${sort.slice(0, -1)}`,
      }));
  }

  private async absentConnections(
    nodes: NodeDefinition[],
    project_id: string | null,
  ): Promise<ErrorDetail[]> {
    const used = nodes.flatMap(({ id, type, config }, i) => {
      const { name, kind } = NODE_KINDS.get(type)?.connection?.(config ?? {}) ?? {};
      return typeof name === 'string' && !name.includes('{{') ? [{ i, id, name, kind }] : [];
    });
    if (used.length === 0) return [];
    const names = used.map(({ name }) => name);
    const found = await namedFor(this.db.connections, project_id, names);
    return used
      .filter(({ name, kind }) => found.get(name)?.kind !== kind)
      .map(({ i, id, name, kind }) => ({
        field: `nodes.${i}.config.connection`,
        message: `node '${id}': ${
          found.has(name)
            ? `connection '${name}' leads to ${found.get(name)!.kind}, not to ${kind}`
            : `there is no connection '${name}'`
        }; its task fails unless that has changed by then`,
        type: 'unknown_connection',
      }));
  }

  private async absentPipelines(nodes: NodeDefinition[]): Promise<ErrorDetail[]> {
    const named = nodes.flatMap(({ id, type, config }, i) => {
      const ref = config?.pipeline_id;
      return type === 'pipeline' && typeof ref === 'string' && !ref.includes('{{') ? [{ i, id, ref }] : [];
    });
    if (named.length === 0) return [];
    const refs = named.map(({ ref }) => ref);
    const found = await this.db.pipelines
      .find({ $or: [{ _id: { $in: refs } }, { name_key: { $in: refs.map((ref) => ref.toLowerCase()) } }] })
      .project<{ _id: string; name_key: string }>({ name_key: 1 })
      .toArray();
    const known = new Set(found.flatMap(({ _id, name_key }) => [_id, name_key]));
    return named
      .filter(({ ref }) => !known.has(ref) && !known.has(ref.toLowerCase()))
      .map(({ i, id, ref }) => ({
        field: `nodes.${i}.config.pipeline_id`,
        message: `node '${id}': there is no pipeline '${ref}'; its task fails unless there is one by then`,
        type: 'unknown_pipeline',
      }));
  }

  private async waits(nodes: NodeDefinition[]): Promise<ErrorDetail[]> {
    if (!nodes.some((node) => ['task', 'command'].includes(node.type) || node.pool || node.requires))
      return [];
    const named = [...new Set(nodes.flatMap((node) => node.pool ?? []))];
    const [workers, found] = await Promise.all([
      this.workers.live(),
      this.db.pools
        .find({ name: { $in: named } })
        .project<{ name: string }>({ name: 1 })
        .toArray(),
    ]);
    const handlers = new Set(workers.flatMap((worker) => worker.handlers));
    const pools = new Set(found.map(({ name }) => name));
    return nodes.flatMap((node, i) => {
      const warning = (field: string, type: string, what: string, then = 'wait for one'): ErrorDetail => ({
        field: `nodes.${i}.${field}`,
        message: `node '${node.id}': ${what}; its task will ${then}`,
        type,
      });
      const { type, config, pool, requires = [] } = node;
      const handler = String(config?.handler);
      const place = placeOf(config ?? {});
      const asked = place === 'commands' ? 'command' : 'image';
      const offered = workers.some(({ tags }) => requires.every((tag) => tags.includes(tag)));
      return [
        ...(type === 'task' && !handlers.has(handler)
          ? [warning('config.handler', 'unknown_handler', `no live worker has the handler '${handler}'`)]
          : []),
        ...(type === 'command' && !workers.some((worker) => worker[place])
          ? [warning(`config.${asked}`, 'commands_disabled', COMMANDS[place], 'fail')]
          : []),
        ...(pool !== undefined && !pools.has(pool)
          ? [warning('pool', 'unknown_pool', `there is no pool '${pool}'`)]
          : []),
        ...(requires.length > 0 && !offered
          ? [warning('requires', 'unknown_tags', `no live worker offers ${requires.join(', ')}`)]
          : []),
      ];
    });
  }
}
