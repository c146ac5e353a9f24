import { Injectable } from '@nestjs/common';
import { type TemplateUse } from '@tauro/domain';
import { Collections, namedFor } from '@tauro/orchestration';

/** Reads variables as they are when an attempt begins. */
@Injectable()
export class VariableReader {
  constructor(private readonly db: Collections) {}

  /** Those that templates name and that are there; a project's own goes before one for all projects. */
  async read(project_id: string, templates: TemplateUse[]): Promise<Record<string, unknown>> {
    const names = templates.flatMap(({ names: [root, name] }) =>
      root === 'variables' ? [String(name)] : [],
    );
    const found = await namedFor(this.db.variables, project_id, names);
    return Object.fromEntries([...found].map(([name, { value }]) => [name, value]));
  }
}
