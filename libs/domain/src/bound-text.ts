import { type Json } from './pipeline.js';
import { parseTemplate, TemplateError, type TemplateExpression } from './template-expression.js';

/** SQL whose templates became parameters: `text` holds `$1..$n`, `values[i]` belongs to `$(i+1)`. */
export class BoundText {
  constructor(
    readonly text: string,
    readonly values: readonly Json[],
  ) {}
}

/** A template of an SQL text. */
export interface SqlTemplate {
  expression: TemplateExpression;
  /** Inside a quoted literal the author asked for text, so a number there is bound as its text. */
  quoted: boolean;
  /** It shares its literal with other text, so null is text as well. */
  partial: boolean;
}

/**
 * Replaces every template of an SQL text by a parameter `$1..$n`, in the order they stand:
 *
 *     d >= {{ x }}        d >= $1
 *     d = '{{ x }}'       d = $1                 the quotes go with it
 *     d = DATE '{{ x }}'  d = CAST($1 AS DATE)
 *     s LIKE '%{{ x }}%'  s LIKE ('%' || CAST($1 AS VARCHAR) || '%')
 *
 * A template inside a comment is left as it is. One pass, linear in the text's length.
 * @throws TemplateError where a value cannot be bound: in a quoted name, a dollar quote, a prefixed literal
 *   (`E'…'`), or glued to a word; and when the text has parameters of its own.
 */
export function bindTemplates(text: string, at: string): { text: string; templates: SqlTemplate[] } {
  return new SqlBinder(text, at).bind();
}

/** `DATE '…'` takes a literal and no parameter, so it is rewritten as a cast. */
const TYPED_LITERALS = new Set(['date', 'time', 'timestamp', 'timestamptz', 'interval']);
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const SPACE = /\s+/y;
const LINE_COMMENT = /--[^\r\n]*/y;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_]\w{0,62})?\$/y;
const COMMENT_EDGE = /\/\*|\*\//g;
const IN_WORD = /[\w$\u0080-\uffff]/;

class SqlBinder {
  private pos = 0;
  private readonly out: string[] = [];
  private readonly templates: SqlTemplate[] = [];
  /** Where in `out` the last word is, while only space came after it. */
  private wordAt = -1;
  private ownParameter?: string;

  constructor(
    private readonly text: string,
    private readonly at: string,
  ) {}

  bind(): { text: string; templates: SqlTemplate[] } {
    const { text, templates } = this;
    while (this.pos < text.length) {
      if (this.copy(SPACE)) continue;
      const char = text[this.pos];
      const wordAt = this.out.length;
      if (this.copy(WORD)) {
        this.wordAt = wordAt;
        continue;
      }
      if (text.startsWith('{{', this.pos)) this.bare();
      else if (char === "'") this.literal();
      else if (char === '"') this.quoted('"', 'in a quoted name');
      else if (text.startsWith('/*', this.pos)) this.blockComment();
      else if (!this.copy(LINE_COMMENT)) this.symbol(char);
      this.wordAt = -1;
    }
    if (templates.length > 0 && this.ownParameter !== undefined) {
      const reason = `a text with templates cannot have a parameter of its own such as '${this.ownParameter}'`;
      throw new TemplateError(templates[0].expression.source, this.at, reason);
    }
    return { text: this.out.join(''), templates };
  }

  private symbol(char: string): void {
    const quote = char === '$' ? matchAt(DOLLAR_QUOTE, this.text, this.pos) : undefined;
    if (quote !== undefined) return this.quoted(quote, 'in a $$ literal (quote it with single quotes)');
    if (char === '$' || char === '?') this.ownParameter ??= char === '?' ? char : '$1';
    this.out.push(char);
    this.pos++;
  }

  /** A template outside of quotes. Glued to a word, `$1` would melt into it: `t{{ x }}0` is a name. */
  private bare(): void {
    const glued = IN_WORD.test(this.lastChar());
    const parameter = this.parameter(false);
    if (glued || IN_WORD.test(this.text[this.pos] ?? '')) {
      this.refuse('next to a word or another template without a space between');
    }
    this.out.push(parameter);
  }

  /** `'…'`, where a doubled quote stays inside. Templates in it make it a parameter or a concatenation. */
  private literal(): void {
    const { text } = this;
    const prefixed = IN_WORD.test(this.lastChar());
    const type = this.wordAt < 0 ? '' : this.out[this.wordAt].toLowerCase();
    const first = this.templates.length;
    const pieces: string[] = [];
    let from = ++this.pos;
    const endPiece = (): void => {
      if (this.pos > from) pieces.push(`'${text.slice(from, this.pos)}'`);
    };
    while (this.pos < text.length) {
      if (text[this.pos] === "'") {
        if (text[this.pos + 1] !== "'") break;
        this.pos += 2;
      } else if (text.startsWith('{{', this.pos)) {
        endPiece();
        pieces.push(`CAST(${this.parameter(true)} AS VARCHAR)`);
        from = this.pos;
      } else this.pos++;
    }
    const bound = this.templates.slice(first);
    if (bound.length === 0) {
      this.pos = Math.min(this.pos + 1, text.length);
      this.out.push(text.slice(from - 1, this.pos));
      return;
    }
    endPiece();
    this.pos++;
    const typed = TYPED_LITERALS.has(type);
    if (prefixed && !typed) this.refuse("in a literal with a prefix such as E'…'");
    for (const template of bound) template.partial = pieces.length > 1;
    let sql = pieces.length === 1 ? `$${first + 1}` : `(${pieces.join(' || ')})`;
    if (typed) {
      this.out.length = this.wordAt;
      sql = `CAST(${sql} AS ${type.toUpperCase()})`;
    }
    this.out.push(IN_WORD.test(text[this.pos] ?? '') ? `${sql} ` : sql);
  }

  /** A quoted stretch that ends with the mark it starts with and can hold no parameter. */
  private quoted(mark: string, where: string): void {
    const found = this.text.indexOf(mark, this.pos + mark.length);
    const stretch = this.text.slice(this.pos, found < 0 ? undefined : found + mark.length);
    const inside = stretch.indexOf('{{');
    if (inside >= 0) {
      this.pos += inside;
      this.parameter(true);
      this.refuse(where);
    }
    this.out.push(stretch);
    this.pos += stretch.length;
  }

  /** Comments nest in DuckDB and PostgreSQL; an unclosed one runs to the end. */
  private blockComment(): void {
    COMMENT_EDGE.lastIndex = this.pos + 2;
    let end = this.text.length;
    for (let depth = 1; depth > 0;) {
      const edge = COMMENT_EDGE.exec(this.text);
      if (!edge) break;
      depth += edge[0] === '/*' ? 1 : -1;
      if (depth === 0) end = COMMENT_EDGE.lastIndex;
    }
    this.out.push(this.text.slice(this.pos, end));
    this.pos = end;
  }

  /** Reads the template at `pos` and names its parameter. */
  private parameter(quoted: boolean): string {
    const { expression, end } = parseTemplate(this.text, this.pos, this.at);
    this.pos = end;
    this.templates.push({ expression, quoted, partial: false });
    return `$${this.templates.length}`;
  }

  private refuse(where: string): never {
    const { source } = this.templates.at(-1)!.expression;
    throw new TemplateError(source, this.at, `a value cannot be bound ${where}`);
  }

  private copy(pattern: RegExp): boolean {
    const found = matchAt(pattern, this.text, this.pos);
    if (found === undefined) return false;
    this.out.push(found);
    this.pos += found.length;
    return true;
  }

  private lastChar(): string {
    return this.out.at(-1)?.at(-1) ?? '';
  }
}

function matchAt(pattern: RegExp, text: string, pos: number): string | undefined {
  pattern.lastIndex = pos;
  return pattern.exec(text)?.[0];
}
