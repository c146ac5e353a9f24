import { Injectable } from '@nestjs/common';
import { type Project, type Public, toPublic } from '@tauro/database';
import { type DomainError, invalid, notFound } from '@tauro/domain';
import { Collections, ProjectRemovalService } from '@tauro/orchestration';
import { type mongo } from 'mongoose';
import { allOf, itemsOf, type Outcome, tryEach } from '../http/batch/outcomes.js';
import { stale } from '../http/etag.js';
import { type Deleted } from '../http/openapi/envelope.dto.js';
import { checkedAs } from '../http/validation.pipe.js';
import {
  type CreateProjectsDto,
  type DeleteProjectsDto,
  ProjectChangeDto,
  type UpdateProjectsDto,
} from './project-batch.dto.js';
import { CreateProjectDto } from './project.dto.js';
import { ProjectService, taken } from './project.service.js';

const DUPLICATE_KEY = 11000;
/** How often names are looked at anew that others took in the meantime. */
const MAX_TRIES = 5;

/** Projects by the hundred, as the API takes and shows them. What is all or nothing is one transaction. */
@Injectable()
export class ProjectBatches {
  constructor(
    private readonly service: ProjectService,
    private readonly removals: ProjectRemovalService,
    private readonly db: Collections,
  ) {}

  async create({ projects, partial }: CreateProjectsDto, request_id: string) {
    if (partial) {
      const create = async (item: object) =>
        this.service.create(await checkedAs(CreateProjectDto, item), request_id);
      return itemsOf(await tryEach(projects, create), 201);
    }
    const made = async (item: object): Promise<Project> =>
      this.service.made(await checkedAs(CreateProjectDto, item), request_id);
    const all = allOf(await tryEach(projects, made), 'projects');
    await this.together(async (session) => {
      const names = await this.namesIn(all, session);
      allOf(all.map(refusedIf(names)), 'projects');
      await this.db.projects.insertMany(all, { session });
    });
    return all.map((project) => toPublic(project));
  }

  async update({ projects, partial }: UpdateProjectsDto) {
    const checked = await tryEach(projects, (item) => checkedAs(ProjectChangeDto, item));
    assertOnce(checked);
    if (partial) {
      const update = (outcome: Outcome<ProjectChangeDto>): Promise<Public<Project>> => {
        if ('error' in outcome) throw outcome.error;
        const { id, revision, ...changes } = outcome.value;
        return this.service.update(id, changes, revision);
      };
      return itemsOf(await tryEach(checked, async (outcome) => update(outcome)), 200);
    }
    const changes = allOf(checked, 'projects');
    const ids = changes.map(({ id }) => id);
    await this.together(async (session) => {
      const stored = await this.byId(ids, session);
      const renamed = changes.flatMap(({ id, name }) =>
        name === undefined ? [] : [{ _id: id, name, name_key: name.toLowerCase() }],
      );
      const nameTaken = refusedIf(await this.namesIn(renamed, session));
      const writes = changes.map(
        ({ id, revision, ...change }): Outcome<mongo.AnyBulkWriteOperation<Project>> => {
          const project = stored.get(id);
          if (!project) return { error: notFound('project', id) };
          if (revision !== undefined && revision !== project.revision) return { error: stale() };
          const name = renamed.find(({ _id }) => _id === id);
          const refused = name && nameTaken(name);
          if (refused && 'error' in refused) return refused;
          return {
            value: { updateOne: { filter: { _id: id }, update: this.service.updateOf(change, project) } },
          };
        },
      );
      await this.db.projects.bulkWrite(allOf(writes, 'projects'), { session });
    });
    const after = await this.byId(ids);
    return ids.map((id) => toPublic(after.get(id)!));
  }

  async remove({ ids, partial, force = false }: DeleteProjectsDto) {
    const deleted = (id: string): Deleted => ({ id, deleted: true });
    if (partial) {
      const remove = (id: string): Promise<Deleted> =>
        this.removals.remove(id, force).then(() => deleted(id));
      return itemsOf(await tryEach(ids, remove, 10), 200);
    }
    await this.removals.removeTogether(ids, force);
    return ids.map(deleted);
  }

  /** Names are unique by an index: whoever took one since it was looked at makes this look again, and name the place. */
  private async together(work: (session: mongo.ClientSession) => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.db.transaction(work);
      } catch (error) {
        if ((error as { code?: unknown }).code !== DUPLICATE_KEY || tries === MAX_TRIES) throw error;
      }
    }
  }

  /** Who has each of these names already, by the name in lower case. */
  private async namesIn(projects: Named[], session: mongo.ClientSession): Promise<Map<string, string>> {
    const names = projects.map(({ name_key }) => name_key);
    const found = this.db.projects
      .find({ name_key: { $in: names } }, { session })
      .project<Named>({ name_key: 1 });
    return new Map((await found.toArray()).map(({ name_key, _id }) => [name_key, _id]));
  }

  private async byId(ids: string[], session?: mongo.ClientSession): Promise<Map<string, Project>> {
    const found = await this.db.projects.find({ _id: { $in: ids } }, { session }).toArray();
    return new Map(
      found.map((project) => [project._id, { ...project, notifications: project.notifications ?? null }]),
    );
  }
}

type Named = Pick<Project, '_id' | 'name' | 'name_key'>;

/** Refuses those whose name another project has, also an earlier one of the same request. */
function refusedIf(names: Map<string, string>): (project: Named) => Outcome<Named> {
  return (project) => {
    const { _id, name, name_key } = project;
    const owner = names.get(name_key);
    if (owner !== undefined && owner !== _id) return { error: taken(name) };
    names.set(name_key, _id);
    return { value: project };
  };
}

/** @throws DomainError VALIDATION_ERROR for a project that two changes are about. */
function assertOnce(checked: Outcome<ProjectChangeDto>[]): void {
  const places = new Map<string, number>();
  for (const [i, outcome] of checked.entries()) {
    if ('error' in outcome) continue;
    const { id } = outcome.value;
    const first = places.get(id);
    if (first !== undefined) throw twice(i, first, id);
    places.set(id, i);
  }
}

const twice = (index: number, first: number, id: string): DomainError =>
  invalid([
    {
      field: `projects.${index}.id`,
      message: `is the same as projects.${first}.id: '${id}'`,
      type: 'value_error',
    },
  ]);
