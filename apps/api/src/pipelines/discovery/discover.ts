import { type ErrorDetail, type PipelineDefinition } from '@tauro/domain';
import { type DiscoveredPipeline } from '@tauro/orchestration';
import { type DiscoveryProblem } from '../../info/info.dto.js';
import { type Declared } from './declared/read-declared.js';
import { importSections } from './five-sections.js';
import { isIndex, readIndex } from './index-file.js';
import { type Variables } from './interpolate.js';
import { definitionsIn, parseFile, type Section } from './parse-file.js';
import { type SourceFile, whyUnreadable } from './source-files.js';

export interface Discovered {
  found: DiscoveredPipeline[];
  problems: DiscoveryProblem[];
  /** Files outside of the ones given that were read too. */
  references: string[];
}

export interface DiscoveryOptions {
  maxBytes: number;
  /** Which part of a five-section index counts. */
  environment: string;
  /** What `${X}` in five-section files may name. */
  variables: Variables;
  /** What was found in modules that declare pipelines. */
  declared?: Declared[];
  /** What is wrong with a definition. */
  check(definition: unknown): Promise<ErrorDetail[]>;
}

/** Reads every file, imports and checks what is in it. A bad file spoils nothing but itself. */
export async function discover(files: SourceFile[], options: DiscoveryOptions): Promise<Discovered> {
  const result: Discovered = { found: [], problems: [], references: [] };
  const documents: { file: SourceFile; document: unknown }[] = [];
  for (const file of files) {
    try {
      if (file.size > options.maxBytes) throw new Error(`is larger than ${options.maxBytes} bytes`);
      for (const document of await parseFile(file.path)) documents.push({ file, document });
    } catch (error) {
      result.problems.push({ path: file.label, field: null, message: whyUnreadable(error) });
    }
  }
  for (const { file, document } of documents) {
    if (isIndex(document)) await takeIndex(file, document, options, result);
  }
  for (const { file, document } of documents) {
    // The sections of an index make no sense on their own.
    if (!isIndex(document) && !result.references.includes(file.path))
      await takeDefinitions(file, document, options, result);
  }
  for (const { file, definitions, fault } of options.declared ?? []) {
    if (fault !== undefined) result.problems.push({ path: file.label, field: null, message: fault });
    for (const definition of definitions ?? []) await take(file, definition, options, result);
  }
  // A problem of a section file is told where it is referred to.
  const sections = new Set(
    files.filter(({ path }) => result.references.includes(path)).map(({ label }) => label),
  );
  return {
    ...result,
    problems: result.problems.filter(({ path, field }) => field !== null || !sections.has(path)),
  };
}

async function takeIndex(file: SourceFile, document: Section, options: DiscoveryOptions, result: Discovered) {
  const index = await readIndex(file.path, file.label, document, options.environment);
  result.references.push(...index.references);
  result.problems.push(...index.problems);
  if (!index.sections) return;
  const { definitions, faults } = importSections(index.sections, index.environment, options.variables);
  result.problems.push(...faults.map((fault) => ({ path: file.label, ...fault })));
  for (const definition of definitions) await take(file, definition, options, result);
}

async function takeDefinitions(
  file: SourceFile,
  document: unknown,
  options: DiscoveryOptions,
  result: Discovered,
): Promise<void> {
  const definitions = definitionsIn(document, file.path);
  if (definitions) for (const definition of definitions) await take(file, definition, options, result);
  else {
    const message = 'holds no pipeline: it has neither nodes nor the env_config of an index';
    result.problems.push({ path: file.label, field: null, message });
  }
}

async function take(
  file: SourceFile,
  definition: unknown,
  options: DiscoveryOptions,
  { found, problems }: Discovered,
): Promise<void> {
  const errors = await options.check(definition);
  if (errors.length > 0) {
    problems.push(
      ...errors.map(({ field, message }) => ({ path: file.label, field: field || null, message })),
    );
    return;
  }
  const pipeline = definition as PipelineDefinition;
  const name = pipeline.name.toLowerCase();
  const other = found.find((one) => one.definition.name.toLowerCase() === name);
  if (other) {
    const message = `a pipeline named '${pipeline.name}' is already in ${other.path}`;
    problems.push({ path: file.label, field: 'name', message });
  } else {
    found.push({ definition: pipeline, source: 'file', path: file.label });
  }
}
