import { Injectable } from '@nestjs/common';
import { type TemplateUse } from '@tauro/domain';
import { Collections } from '@tauro/orchestration';

/** Reads variables as they are when an attempt begins. */
@Injectable()
export class VariableReader {
  constructor(private readonly db: Collections) {}

  /** Those that templates name and that are there; a project's own goes before one for all projects. */
  async read(project_id: string, templates: TemplateUse[]): Promise<Record<string, unknown>> {
    const names = templates.flatMap(({ names: [root, name] }) =>
      root === 'variables' ? [String(name)] : [],
    );
    if (names.length === 0) return {};
    const found = await this.db.variables
      .find({ name: { $in: names }, project_id: { $in: [project_id, null] } })
      .toArray();
    const ownLast = found.sort((a, b) => Number(a.project_id !== null) - Number(b.project_id !== null));
    return Object.fromEntries(ownLast.map(({ name, value }) => [name, value]));
  }
}
