import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Pipeline, type Project, type Public } from '@tauro/database';
import { DomainError } from '@tauro/domain';
import { PipelineService } from '@tauro/orchestration';
import { type Model } from 'mongoose';
import { ProjectService } from './project.service.js';

const MAX_NAME = 63;
const MAX_TRIES = 100;

/** Copies a project with its stored pipelines, but none of its past. */
@Injectable()
export class ProjectCopyService {
  constructor(
    private readonly projects: ProjectService,
    private readonly pipelines: PipelineService,
    @InjectModel(Pipeline.name) private readonly models: Model<Pipeline>,
  ) {}

  /** @throws DomainError NOT_FOUND, CONFLICT when `name` is taken. */
  async copy(id: string, name: string | undefined, request_id: string): Promise<Public<Project>> {
    const original = await this.projects.existing(id);
    const copy = await this.create(original, name, request_id);
    for await (const pipeline of this.models.find({ project_id: id }).lean<Pipeline[]>().cursor()) {
      const { definition } = await this.pipelines.definition(pipeline);
      await this.pipelines.create({ project_id: copy.id, definition, request_id });
    }
    return copy;
  }

  private async create(original: Project, name: string | undefined, request_id: string) {
    const { description, owner, metadata, retention_days, notifications, engine } = original;
    const stored = { settings: notifications, secrets: engine?.webhook_secrets ?? [] };
    for (let n = 1; ; n++) {
      try {
        return await this.projects.create(
          { name: name ?? copyName(original.name, n), description, owner, metadata, retention_days },
          request_id,
          stored,
        );
      } catch (error) {
        const taken = error instanceof DomainError && error.code === 'CONFLICT';
        if (!taken || name !== undefined || n === MAX_TRIES) throw error;
      }
    }
  }
}

/** `sales_copy`, `sales_copy_2`, ... never longer than a name may be. */
export function copyName(name: string, n: number): string {
  const suffix = n === 1 ? '_copy' : `_copy_${n}`;
  return name.slice(0, MAX_NAME - suffix.length) + suffix;
}
