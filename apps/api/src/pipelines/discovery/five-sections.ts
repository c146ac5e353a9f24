import { type Json, type JsonObject, type NodeDefinition, type PipelineDefinition } from '@tauro/domain';
import { interpolate, type Variables } from './interpolate.js';
import { isSection, type Section } from './parse-file.js';

/** What an index file refers to, read. */
export interface Sections {
  global: Section;
  pipelines: Section;
  nodes: Section;
  input: Section;
  output: Section;
}

export interface Imported {
  definitions: PipelineDefinition[];
  /** What is wrong; a pipeline with a fault is left out. */
  faults: { field: string; message: string }[];
}

/**
 * Pipelines of the five-section layout. A node there is a function of a module; here it is a `task` whose handler
 * is `<module>.<function>`. Its data goes through files, so the handler gets `input.inputs` and `input.outputs`:
 * by name what the two sections say about each, every `${…}` filled in.
 */
export function importSections(sections: Sections, environment: string, variables: Variables): Imported {
  const importer = new Importer(sections, environment, variables);
  const definitions: PipelineDefinition[] = [];
  for (const [name, spec] of Object.entries(sections.pipelines)) {
    const faultsBefore = importer.faults.length;
    const definition = importer.pipeline(name, spec);
    if (definition && importer.faults.length === faultsBefore) definitions.push(definition);
  }
  return { definitions, faults: importer.faults };
}

class Importer {
  readonly faults: Imported['faults'] = [];
  private readonly fill: (value: unknown, field: string) => Json;

  constructor(
    private readonly sections: Sections,
    private readonly environment: string,
    variables: Variables,
  ) {
    const known = { ...stringsOf(sections.global), ...variables };
    this.fill = (value, field) =>
      interpolate(value, known, (name) =>
        this.fault(field, `\${${name}} is neither in the environment nor in the global settings`),
      );
  }

  pipeline(name: string, spec: unknown): PipelineDefinition | undefined {
    const field = `pipelines.${name}`;
    if (!isSection(spec) || !Array.isArray(spec.nodes)) return this.fault(field, 'needs a list of nodes');
    const { type = 'batch', description } = spec;
    if (type !== 'batch')
      return this.fault(`${field}.type`, `'${String(type)}' is not supported, only 'batch'`);
    const ids = spec.nodes.map(String);
    const nodes = ids.map((id) => this.node(id, ids)).filter((node) => node !== undefined);
    return { name, ...(typeof description === 'string' && { description }), nodes };
  }

  private node(id: string, siblings: string[]): NodeDefinition | undefined {
    const field = `nodes.${id}`;
    const spec = this.sections.nodes[id];
    if (!isSection(spec)) return this.fault(field, `node '${id}' is not in the nodes section`);
    if (typeof spec.module !== 'string' || typeof spec.function !== 'string') {
      return this.fault(field, `node '${id}' needs a module and a function`);
    }
    const wanted = namesIn(spec.dependencies);
    for (const other of wanted.filter((dependency) => !siblings.includes(dependency))) {
      this.fault(
        `${field}.dependencies`,
        `node '${id}' depends on '${other}', which is no node of its pipeline`,
      );
    }
    const inputs = this.inputs(id, namesIn(spec.input));
    const producers = siblings.filter((other) => other !== id && this.produces(other, inputs));
    return {
      id,
      type: 'task',
      config: {
        handler: `${spec.module}.${spec.function}`,
        input: { inputs, outputs: this.outputs(id, namesIn(spec.output)) },
      },
      depends_on: [...new Set([...wanted, ...producers])],
    };
  }

  private inputs(id: string, names: string[]): JsonObject {
    return this.described(id, 'input', names, (entry, field) => this.fill(entry, field));
  }

  private outputs(id: string, names: string[]): JsonObject {
    return this.described(id, 'output', names, (entry, field, name) => ({
      filepath: this.location(name),
      ...(this.fill(entry, field) as JsonObject),
    }));
  }

  private described(
    id: string,
    section: 'input' | 'output',
    names: string[],
    describe: (entry: Section, field: string, name: string) => Json,
  ): JsonObject {
    const result: JsonObject = {};
    for (const name of names) {
      const entry = this.sections[section][name];
      const field = `${section}.${name}`;
      if (isSection(entry)) result[name] = describe(entry, field, name);
      else this.fault(field, `node '${id}' names '${name}', which the ${section} section does not have`);
    }
    return result;
  }

  /** Where an output such as `b.s.orders` lies: `<output_path>/<environment>/b/s/orders`. */
  private location(output: string): string {
    const tail = output.split('.').join('/');
    // Whoever reads it says where that is, perhaps for another environment than this one.
    const read = Object.values(this.sections.input)
      .filter(isSection)
      .map(({ filepath }) => (typeof filepath === 'string' ? String(this.fill(filepath, 'input')) : ''))
      .find((path) => path.endsWith(`/${tail}`));
    return read ?? [this.fill('${output_path}', `output.${output}`), this.environment, tail].join('/');
  }

  private produces(id: string, inputs: JsonObject): boolean {
    const spec = this.sections.nodes[id];
    const outputs = isSection(spec) ? namesIn(spec.output).map((name) => this.location(name)) : [];
    return Object.values(inputs).some((input) => outputs.includes(String((input as JsonObject).filepath)));
  }

  private fault(field: string, message: string): undefined {
    if (!this.faults.some((other) => other.field === field && other.message === message)) {
      this.faults.push({ field, message });
    }
    return undefined;
  }
}

/** A name, a list of names, or a map whose keys are the names. */
function namesIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value))
    return value.flatMap((entry) => (isSection(entry) ? Object.keys(entry) : [String(entry)]));
  return isSection(value) ? Object.keys(value) : [];
}

const stringsOf = (section: Section): Variables =>
  Object.fromEntries(
    Object.entries(section)
      .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
      .map(([key, value]) => [key, String(value)]),
  );
