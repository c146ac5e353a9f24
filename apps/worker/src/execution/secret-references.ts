import {
  type JsonObject,
  type NodeDefinition,
  secretsIn,
  TemplateError,
  type TemplateUse,
} from '@tauro/domain';
import { mayHaveSecret, type NodeKind } from '@tauro/nodes';

/** Where an attempt's templates stand. */
interface Templates {
  node: NodeDefinition;
  kind: NodeKind;
  /** Those of the node's config. */
  templates: TemplateUse[];
  /** Those of `for_each` and of the cache's key, which are stored. */
  others: TemplateUse[];
}

/** The secrets that values refer to which templates take from a config. */
export const secretsInConfig = (templates: TemplateUse[], config: JsonObject | undefined): string[] =>
  templates.flatMap((use) => secretsIn(taken(use, config)));

/**
 * Only a config can bring a secret to a place where the definition could not have named it: what a config says is not
 * known before there is a run. @throws TemplateError for one that may not be used there, or is not there.
 */
export function assertSecretsMay(
  { node, kind, templates, others }: Templates,
  config: JsonObject | undefined,
  there: ReadonlyMap<string, unknown>,
): void {
  const refuse = ({ source }: TemplateUse, reason: string): never => {
    throw new TemplateError(source, `nodes.${node.id}`, reason);
  };
  for (const use of others) {
    if (secretsIn(taken(use, config)).length > 0) refuse(use, 'it refers to a secret, and is stored');
  }
  for (const use of templates) {
    for (const name of secretsIn(taken(use, config))) {
      if (!mayHaveSecret(kind, use.path)) {
        refuse(
          use,
          `it refers to a secret, and a node of type '${node.type}' keeps or shows what it is given`,
        );
      }
      if (!there.has(name)) {
        refuse(
          use,
          `it refers to the secret '${name}', which is not there: make it, or one for all projects`,
        );
      }
    }
  }
}

/** What a template takes from a config; undefined when it takes nothing from there. */
const taken = ({ names: [root, ...keys] }: TemplateUse, config: JsonObject | undefined): unknown =>
  root === 'config'
    ? keys.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | null)?.[key], config)
    : undefined;
