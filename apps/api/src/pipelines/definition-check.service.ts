import { Injectable } from '@nestjs/common';
import {
  buildGraph,
  criticalPath,
  edgesOf,
  type ErrorDetail,
  invalid,
  type PipelineDefinition,
} from '@tauro/domain';
import { WorkerRegistry } from '@tauro/orchestration';
import { DefinitionChecker } from './checking/definition-checker.service.js';
import { type ValidationReport } from './pipeline.dto.js';

/** Says what is wrong with a definition, and what is only not ready for it yet. */
@Injectable()
export class DefinitionCheck {
  constructor(
    private readonly checker: DefinitionChecker,
    private readonly workers: WorkerRegistry,
  ) {}

  /** @throws DomainError VALIDATION_ERROR with one entry per fault. */
  async accept(definition: unknown): Promise<PipelineDefinition> {
    const errors = await this.checker.check(definition);
    if (errors.length > 0) throw invalid(errors);
    return definition as PipelineDefinition;
  }

  /** The same as data, for who only asks. */
  async report(definition: unknown): Promise<ValidationReport> {
    const errors = await this.checker.check(definition);
    if (errors.length > 0) return { valid: false, errors, warnings: [], summary: null };
    const pipeline = definition as PipelineDefinition;
    const summary = {
      nodes: pipeline.nodes.length,
      edges: edgesOf(pipeline).length,
      longest_chain: criticalPath(buildGraph(pipeline)).length,
    };
    return { valid: true, errors, warnings: await this.warnings(pipeline), summary };
  }

  /** Task nodes whose handler no live worker has: their tasks would wait. */
  async warnings(definition: PipelineDefinition): Promise<ErrorDetail[]> {
    const tasks = definition.nodes.some((node) => node.type === 'task');
    if (!tasks) return [];
    const handlers = new Set((await this.workers.live()).flatMap((worker) => worker.handlers));
    return definition.nodes.flatMap((node, i) => {
      const handler = String(node.config?.handler);
      if (node.type !== 'task' || handlers.has(handler)) return [];
      const message = `node '${node.id}': no live worker has the handler '${handler}'; its task will wait for one`;
      return [{ field: `nodes.${i}.config.handler`, message, type: 'unknown_handler' }];
    });
  }
}
