export interface CodeBlock {
  /** Titles of the headings it stands under, outermost first. */
  under: string[];
  language: string;
  code: string;
}

/** Every fenced code block of a Markdown text, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const under: string[] = [];
  let open: CodeBlock | undefined;
  for (const line of markdown.split('\n')) {
    const fence = /^```(\w*)/.exec(line);
    const heading = /^(#{1,6}) (.+)$/.exec(line);
    if (fence && open) {
      blocks.push(open);
      open = undefined;
    } else if (fence) open = { under: [...under], language: fence[1]!, code: '' };
    else if (open) open.code += `${line}\n`;
    else if (heading) under.splice(heading[1]!.length - 1, Infinity, heading[2]!);
  }
  return blocks.map((block) => ({ ...block, under: block.under.filter(Boolean) }));
}
