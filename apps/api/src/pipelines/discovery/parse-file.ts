import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** The text is neither YAML nor JSON; the message says where. */
export class SyntaxFault extends Error {}

/** The documents in a YAML or JSON file. @throws SyntaxFault */
export async function parseFile(path: string): Promise<unknown[]> {
  const text = await readFile(path, 'utf8');
  return extname(path).toLowerCase() === '.json' ? [parseJson(text)] : parseYaml(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxFault(`is not valid JSON: ${(error as Error).message}`);
  }
}

function parseYaml(text: string): unknown[] {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => {
    const [fault] = document.errors;
    if (fault)
      throw new SyntaxFault(`is not valid YAML: ${fault.message.split('\n', 1)[0]!.replace(/:$/, '')}`);
    try {
      return document.toJS({ maxAliasCount: 100 }) as unknown;
    } catch (error) {
      throw new SyntaxFault(`is not valid YAML: ${(error as Error).message}`);
    }
  });
}

export type Section = Record<string, unknown>;

export const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The definitions in a file's documents: one each, a list, or a list under `pipelines`. A single one without a
 * name takes the file's. Undefined for a document that is none of these.
 */
export function definitionsIn(document: unknown, path: string): unknown[] | undefined {
  if (Array.isArray(document)) return document as unknown[];
  if (!isSection(document)) return undefined;
  if (Array.isArray(document.pipelines)) return document.pipelines as unknown[];
  if (!('nodes' in document)) return undefined;
  return [{ name: basename(path, extname(path)), ...document }];
}
