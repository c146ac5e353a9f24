import { type Dag, type DagNode } from './dag.js';

/** Words that Mermaid reads as syntax wherever they stand. */
const RESERVED = /^(end|graph|flowchart|subgraph|class|classDef|click|style|linkStyle|default|direction)$/i;

/** The stages that are drawn as boxes of their own. */
const LATER = ['on_failure', 'finally'] as const;

/** What stands below a node's id. */
const kindOf = ({ type, mapped, cached, trigger_rule, when }: DagNode): string =>
  [
    `${type}${mapped ? ' per item' : ''}`,
    ...(cached ? ['cached'] : []),
    ...(trigger_rule ? [trigger_rule] : []),
    // Not the condition itself: its text could hold what these languages read as syntax.
    ...(when === undefined ? [] : ['conditional']),
  ].join(', ');

/** A Mermaid flowchart. Ids are the nodes' own, unless Mermaid would stumble over one. */
export function toMermaid(dag: Dag): string {
  const names = new Map(
    dag.nodes.map(({ id }, i) => [
      id,
      RESERVED.test(id) || id.includes('-') ? `n${i}_${id.replaceAll('-', '_')}` : id,
    ]),
  );
  return [
    'flowchart LR',
    ...dag.nodes.map((node) => `  ${names.get(node.id)}["${node.id}<br/>${kindOf(node)}"]`),
    ...dag.edges.map(({ from, to }) => `  ${names.get(from)} --> ${names.get(to)}`),
    ...LATER.flatMap((stage) => {
      const ids = dag.nodes.filter((node) => node.stage === stage).map(({ id }) => `    ${names.get(id)}`);
      return ids.length > 0 ? [`  subgraph stage_${stage} [${stage}]`, ...ids, '  end'] : [];
    }),
    '',
  ].join('\n');
}

/** A Graphviz digraph. Node ids and types hold nothing that would need escaping. */
export function toDot(dag: Dag, name: string): string {
  return [
    `digraph "${name}" {`,
    '  rankdir=LR;',
    '  node [shape=box];',
    ...dag.nodes.map((node) => `  "${node.id}" [label="${node.id}\\n${kindOf(node)}"];`),
    ...dag.edges.map(({ from, to }) => `  "${from}" -> "${to}";`),
    ...LATER.flatMap((stage) => {
      const ids = dag.nodes.filter((node) => node.stage === stage).map(({ id }) => `"${id}";`);
      return ids.length > 0 ? [`  subgraph cluster_${stage} { label=${stage}; ${ids.join(' ')} }`] : [];
    }),
    '}',
    '',
  ].join('\n');
}
