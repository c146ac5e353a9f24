import { dirname, resolve } from 'node:path';
import { type DiscoveryProblem } from '../../info/info.dto.js';
import { type Sections } from './five-sections.js';
import { whyUnreadable } from './source-files.js';
import { isSection, parseFile, type Section } from './parse-file.js';

const PATH_KEYS = {
  global: 'global_settings_path',
  pipelines: 'pipelines_config_path',
  nodes: 'nodes_config_path',
  input: 'input_config_path',
  output: 'output_config_path',
} as const satisfies Record<keyof Sections, string>;

/** Whether a document is the index of the five-section layout. */
export const isIndex = (document: unknown): document is Section & { env_config: Section } =>
  isSection(document) && isSection(document.env_config);

export interface IndexFile {
  environment: string;
  /** Files the index refers to, for whatever environment; absolute. */
  references: string[];
  /** Undefined when a section is missing; then there is a problem. */
  sections?: Sections;
  problems: DiscoveryProblem[];
}

/**
 * Reads what an index refers to, for one environment: its own paths over those of `base`.
 * @param wanted the environment; `base` when the index does not have it.
 */
export async function readIndex(
  path: string,
  label: string,
  document: Section,
  wanted: string,
): Promise<IndexFile> {
  const environments = document.env_config as Section;
  const base = isSection(environments.base) ? environments.base : {};
  const own = environments[wanted];
  const environment = isSection(own) ? wanted : 'base';
  const folder = resolve(dirname(path), typeof document.base_path === 'string' ? document.base_path : '.');
  const problems: DiscoveryProblem[] = [];
  const sections: Partial<Sections> = {};
  for (const [section, key] of Object.entries(PATH_KEYS) as [keyof Sections, string][]) {
    const field = `env_config.${environment}.${key}`;
    const named = (isSection(own) ? own[key] : undefined) ?? base[key];
    if (typeof named !== 'string') {
      problems.push({ path: label, field, message: `the index names no file for its ${section} section` });
      continue;
    }
    try {
      const [content] = await parseFile(resolve(folder, named));
      if (content != null && !isSection(content)) throw new Error('is not a map');
      sections[section] = content ?? {};
    } catch (error) {
      problems.push({ path: label, field, message: `${named} ${whyUnreadable(error)}` });
    }
  }
  const references = Object.values(environments)
    .flatMap((paths) => (isSection(paths) ? Object.values(paths) : []))
    .filter((reference) => typeof reference === 'string')
    .map((reference) => resolve(folder, reference));
  return {
    environment,
    references: [...new Set(references)],
    problems,
    ...(problems.length === 0 && { sections: sections as Sections }),
  };
}
