import * as fc from 'fast-check';
import { type Json } from './pipeline.js';
import { BoundText, maskTemplates, renderConfig, TemplateError, templatesIn } from './templating.js';

const scope = {
  params: {
    day: '2024-01-31',
    limit: 5,
    full: true,
    none: null,
    list: [10, { name: 'x' }],
    'odd key': 1,
    min_delay: 15,
    quote: "a'); drop table t; --",
    braces: '{{ params.day }}',
  },
  run: { id: 'run_1', scheduled_for: undefined },
  nodes: { extract: { output: { rows: 3, columns: [{ name: 'origin' }] } }, 'two-words': { output: 'ok' } },
  env: { REGION: 'eu' },
};
const render = (text: string): unknown =>
  renderConfig({ path: text }, scope, { at: 'nodes.n.config' })['path'];
const failure = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(TemplateError);
    return (error as Error).message;
  }
  throw new Error('expected a TemplateError');
};

describe('a template on its own yields the value with its type', () => {
  it.each<[string, Json]>([
    ['{{ params.day }}', '2024-01-31'],
    ['{{params.limit}}', 5],
    ['{{ params.full }}', true],
    ['{{ params.none }}', null],
    ['{{ params.list }}', [10, { name: 'x' }]],
    ['{{ params.list[1].name }}', 'x'],
    ['{{ params.list[ 0 ] }}', 10],
    ['{{ params["odd key"] }}', 1],
    ["{{ params['odd key'] }}", 1],
    ['{{ nodes.extract.output.columns[0]["name"] }}', 'origin'],
    ['{{ nodes.two-words.output }}', 'ok'],
    ['{{ env.REGION }}', 'eu'],
    ["{{ params.missing | default('x') }}", 'x'],
    ['{{ params.missing.deeper[3] | default(-1.5e2) }}', -150],
    ['{{ params.day.length | default(null) }}', null],
    ['{{ params.missing|default( false ) }}', false],
    ["{{ params.none | default('never') }}", null],
    ["{{ run.scheduled_for | default('unscheduled') }}", 'unscheduled'],
    ["{{ item | default('alone') }}", 'alone'],
    ["{{ params.x | default('}} \\' \\\\ \\n') }}", "}} ' \\ \n"],
    ["{{ '{{' }}", '{{'],
    ['{{ "}}" }}', '}}'],
  ])('%s', (text, value) => expect(render(text)).toEqual(value));
});

describe('in a longer string values are pasted', () => {
  it.each([
    ['out/{{ params.day }}.csv', 'out/2024-01-31.csv'],
    ['{{ params.day }}-{{ params.limit }}', '2024-01-31-5'],
    [' {{ params.limit }}', ' 5'],
    ['is {{ params.full }}, {{ params.none }}', 'is true, null'],
    ['{{ params.list }}!', '[10,{"name":"x"}]!'],
    ["{{ '{{' }} params.day }}", '{{ params.day }}'],
    ['no template, {one} } {}}', 'no template, {one} } {}}'],
    ['', ''],
  ])('%s', (text, value) => expect(render(text)).toBe(value));

  it('does not render what a value holds', () => {
    expect(render('{{ params.braces }}')).toBe('{{ params.day }}');
    expect(render('<{{ params.braces }}>')).toBe('<{{ params.day }}>');
  });

  it('reaches every depth of a config and leaves keys and other types alone', () => {
    const config = { a: [{ '{{ b }}': '{{ params.limit }}' }, 7, null, true], c: 'plain' };
    expect(renderConfig(config, scope)).toEqual({ a: [{ '{{ b }}': 5 }, 7, null, true], c: 'plain' });
    expect(config.a[0]).toEqual({ '{{ b }}': '{{ params.limit }}' });
  });
});

describe('an error names the template, the place and what there is', () => {
  it.each([
    ['{{ run.date }}', "{{ run.date }} in nodes.n.config.path: run has no 'date' (has: id)"],
    ['{{ params.day.x }}', "params.day has no 'x' (it is a string)"],
    ['{{ params.none.x }}', "params.none has no 'x' (it is null)"],
    ['{{ params.list[2] }}', 'params.list has no [2] (it is a list of 2)'],
    ['{{ params.list.length }}', 'params.list has no [length]'],
    ['{{ params.list[-1] }}', 'params.list has no [-1]'],
    ['{{ nodes.clean.output }}', "nodes has no 'clean' (has: extract, two-words)"],
    ['{{ env.HOME }}', "env has no 'HOME' (has: REGION)"],
    ['{{ item.id }}', "'item' has no value here (has: params, run, nodes, env)"],
    [
      '{{ parms.day }}',
      "unknown name 'parms' (known: params, config, secrets, variables, run, task, nodes, env, item, index)",
    ],
    ['a {{ params.day', "'}}' is missing"],
    ['{{ params.day }', "expected '}}' at the end of the template, found '}'"],
    ['{{ }}', 'expected a name'],
    ['{{ params. }}', "expected a name after '.'"],
    ['{{ params.list.0 }}', "expected a name after '.'"],
    ['{{ params[x] }}', 'expected an index or a quoted key'],
    ['{{ params[1.5] }}', 'expected an index or a quoted key'],
    ['{{ params["x" }}', "expected ']' after"],
    ['{{ params["x }}', 'is never closed'],
    ["{{ '\\q' }}", "unknown escape '\\q'"],
    ['{{ params.day + 1 }}', "expected '}}' at the end of the template, found '+'"],
    ['{{ params.day() }}', "found '('"],
    ['{{ params.day | upper }}', "unknown filter 'upper'; there is only default(…)"],
    ['{{ params.day | default(run.id) }}', 'expected a string, a number, true, false or null'],
    ['{{ params.day | default(toString) }}', 'expected a string, a number'],
    ['{{ {{ params.day }} }}', 'expected a name'],
  ])('%s', (text, message) => expect(failure(() => render(text))).toContain(message));
});

describe('nothing of JavaScript can be reached', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__'])('%s', (name) => {
    for (const text of [`{{ params.${name} }}`, `{{ params["${name}"] }}`, `{{ params.list["${name}"] }}`]) {
      expect(failure(() => render(text))).toContain('params');
      expect(render(text.replace(' }}', " | default('safe') }}"))).toBe('safe');
    }
    expect(failure(() => render(`{{ ${name}.x }}`))).toContain(`unknown name '${name}'`);
  });

  it('not even when the data holds a key of that name', () => {
    const params = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": "own"}') as Json;
    const value = (text: string): unknown => renderConfig({ x: text }, { params })['x'];
    expect(failure(() => value('{{ params.__proto__.polluted }}'))).toContain("params has no '__proto__'");
    expect(value('{{ params.constructor }}')).toBe('own');
    const config = JSON.parse('{"__proto__": {"polluted": "{{ params.constructor }}"}}') as {
      [k: string]: Json;
    };
    const rendered = renderConfig(config, { params });
    expect(Object.getPrototypeOf(rendered)).toBe(Object.prototype);
    expect(JSON.stringify(rendered)).toBe('{"__proto__":{"polluted":"own"}}');
  });
});

describe('bound strings', () => {
  const bind = (text: string): unknown =>
    renderConfig({ sql: text }, scope, { isBound: (path) => path.join('.') === 'sql', at: 'nodes.n.config' })[
      'sql'
    ];

  it.each<[string, string, Json[]]>([
    ['delay > {{ params.limit }}', 'delay > $1', [5]],
    ['d = {{ params.day }} and n < {{ params.limit }}', 'd = $1 and n < $2', ['2024-01-31', 5]],
    ["d = '{{ params.day }}'", 'd = $1', ['2024-01-31']],
    ["d = '{{ params.limit }}'", 'd = $1', ['5']],
    ["d = '{{ params.none }}'", 'd = $1', [null]],
    ["name = '{{ params.quote }}'", 'name = $1', ["a'); drop table t; --"]],
    ["s like '%{{ params.day }}%'", "s like ('%' || CAST($1 AS VARCHAR) || '%')", ['2024-01-31']],
    ["'{{ run.id }}{{ params.limit }}'", '(CAST($1 AS VARCHAR) || CAST($2 AS VARCHAR))', ['run_1', '5']],
    ["'it''s {{ run.id }}''s'", "('it''s ' || CAST($1 AS VARCHAR) || '''s')", ['run_1']],
    ["d >= DATE '{{ params.day }}'", 'd >= CAST($1 AS DATE)', ['2024-01-31']],
    ["d >= date'{{ params.day }}'", 'd >= CAST($1 AS DATE)', ['2024-01-31']],
    [
      "now() - interval '{{ params.limit }} days'",
      "now() - CAST((CAST($1 AS VARCHAR) || ' days') AS INTERVAL)",
      ['5'],
    ],
    ["'a' || {{ params.list }}", "'a' || $1", [[10, { name: 'x' }]]],
    ["x = '{{ params.y | default('it') }}'", 'x = $1', ['it']],
    ["'{{ run.id }}'and 1", '$1 and 1', ['run_1']],
    ["'it''s' = {{ run.id }} -- {{ no.template }}\n+ 1", "'it''s' = $1 -- {{ no.template }}\n+ 1", ['run_1']],
    ["/* ' {{ a }} /* nested */ ' */ {{ run.id }}", "/* ' {{ a }} /* nested */ ' */ $1", ['run_1']],
    ['"a -- ""b" = {{ run.id }}', '"a -- ""b" = $1', ['run_1']],
    ["$$ it's $$ = {{ run.id }}", "$$ it's $$ = $1", ['run_1']],
    ["E'a' = {{ run.id }}", "E'a' = $1", ['run_1']],
    ["{{ '{{' }}", '$1', ['{{']],
  ])('%s', (text, sql, values) => {
    expect(bind(text)).toEqual(new BoundText(sql, values));
    expect(maskTemplates(text)).toBe(sql);
  });

  it('stay plain strings without a template', () => {
    expect(bind("a > 1 and b = '$1' -- ?")).toBe("a > 1 and b = '$1' -- ?");
    expect(bind('-- {{ run.id }}')).toBe('-- {{ run.id }}');
    expect(maskTemplates('a = ?')).toBe('a = ?');
  });

  it.each([
    ['select "{{ params.day }}"', 'cannot be bound in a quoted name'],
    ['select $$ {{ params.day }} $$', 'cannot be bound in a $$ literal'],
    ["select E'{{ params.day }}'", 'in a literal with a prefix'],
    ["select x'{{ params.day }}'", 'in a literal with a prefix'],
    ['select * from t_{{ params.day }}', 'next to a word'],
    ['select {{ params.limit }}0', 'next to a word'],
    ['select {{ params.limit }}{{ params.limit }}', 'next to a word or another template'],
    ['a = {{ params.limit }} and b = $1', "parameter of its own such as '$1'"],
    ['a = {{ params.limit }} and b = ?', "parameter of its own such as '?'"],
    ["a = '{{ params.nope }}'", "{{ params.nope }} in nodes.n.config.sql: params has no 'nope'"],
    ["a = '{{ params.day '", "expected '}}' at the end of the template"],
  ])('refuses %s', (text, message) => expect(failure(() => bind(text))).toContain(message));

  it('never paste a value, whatever the text around it and the value are', () => {
    const marker = 'v4lue';
    const token = fc.constantFrom(
      "'",
      "''",
      '"',
      '--',
      '/*',
      '*/',
      '\n',
      '$$',
      '$',
      ' ',
      'a',
      'E',
      'date ',
      '{{ run.id }}',
      '}}',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 14 }), (tokens) => {
        const text = tokens.join('');
        try {
          const rendered = renderConfig({ sql: text }, { run: { id: marker } }, { isBound: () => true })[
            'sql'
          ]!;
          if (typeof rendered === 'string') return expect(rendered).toBe(text);
          expect(rendered).toBeInstanceOf(BoundText);
          const { text: sql, values } = rendered as BoundText;
          expect(sql).not.toContain(marker);
          expect(sql.match(/\$\d+/g)).toEqual(values.map((_, i) => `$${i + 1}`));
        } catch (error) {
          if (!(error instanceof TemplateError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('templatesIn', () => {
  it('lists each template with its path, and faults instead of throwing', () => {
    const config: Json = {
      path: 'x/{{ params.day }}/{{ nodes.extract.output.rows }}',
      list: ['{{ oops }}', { sql: "a = '{{ run.id }}' -- {{ ignored }}" }],
      literal: "{{ '{{' }}",
    };
    expect(templatesIn(config, { isBound: (path) => path.at(-1) === 'sql' })).toEqual([
      { path: ['path'], source: '{{ params.day }}', names: ['params', 'day'] },
      {
        path: ['path'],
        source: '{{ nodes.extract.output.rows }}',
        names: ['nodes', 'extract', 'output', 'rows'],
      },
      {
        path: ['list', 0],
        source: '{{ oops }}',
        names: [],
        fault: expect.stringContaining("unknown name 'oops'"),
      },
      { path: ['list', 1, 'sql'], source: '{{ run.id }}', names: ['run', 'id'] },
      { path: ['literal'], source: "{{ '{{' }}", names: [] },
    ]);
  });

  it('agrees with renderConfig on what is a template', () => {
    const piece = fc.constantFrom(
      '{{',
      '}}',
      ' ',
      'params',
      '.',
      'x',
      '[',
      ']',
      '0',
      "'",
      '"',
      '\\',
      '|',
      'default(',
      ')',
      '1',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const fault = templatesIn(text).some((use) => use.fault !== undefined);
        let reason = '';
        try {
          renderConfig({ text }, { params: {} });
        } catch (error) {
          if (!(error instanceof TemplateError)) throw error;
          reason = error.reason;
        }
        expect(reason !== '' && !reason.includes(' has no ')).toBe(fault);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('bounds', () => {
  it('any value survives being rendered on its own', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const rendered = renderConfig({ x: '{{ params.v }}' }, { params: { v: value } })['x'];
        expect(rendered).toEqual(value);
      }),
    );
  });

  it('refuses long templates, too many of them, deep configs and explosive growth', () => {
    expect(failure(() => render(`{{ params.${'a'.repeat(2000)} }}`))).toContain('too long');
    expect(failure(() => render(`{{ ${' '.repeat(2000)} params.day }}`))).toMatch(/too long|expected a name/);
    expect(failure(() => render(`{{ params${'.a'.repeat(40)} }}`))).toContain('at most 32 steps');
    expect(failure(() => render('{{ run.id }}'.repeat(1001)))).toContain('at most 1000 templates');
    let deep: Json = 'x';
    for (let i = 0; i < 100; i++) deep = [deep];
    expect(failure(() => renderConfig({ deep }, scope))).toContain('nested deeper than 64');
    expect(templatesIn(deep)).toEqual([expect.objectContaining({ fault: 'is nested deeper than 64' })]);
    const big = { params: { big: 'x'.repeat(60_000) } };
    expect(failure(() => renderConfig({ a: 'x{{ params.big }}'.repeat(20) }, big))).toContain(
      'grows by more than',
    );
  });

  it.each([
    ['open braces', '{{'.repeat(500_000)],
    ['quotes', "'".repeat(1_000_000)],
    ['typed literals', "date '1' ".repeat(100_000)],
    ['dollars', '$a'.repeat(500_000)],
    ['comment starts', '/*'.repeat(500_000)],
    ['spaces', ' '.repeat(1_000_000)],
    ['words', 'a '.repeat(500_000)],
  ])(
    'a megabyte of %s takes linear time',
    (_, text) => {
      const timeOf = (sql: string): number => {
        const started = process.cpuUsage();
        templatesIn(`${sql} {{ run.id }}`, { isBound: () => true });
        return process.cpuUsage(started).user / 1000;
      };
      timeOf(text);
      // Quadratic work on a million characters would take minutes; the bound leaves a slow machine its room.
      expect(timeOf(text)).toBeLessThan(3000);
    },
    60_000,
  );
});
