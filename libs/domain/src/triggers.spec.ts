import { circleThrough, isAwaited, triggerTemplateFaults } from './triggers.js';

const link = (pipeline_id: string, ...after: string[]) => ({ pipeline_id, after });

describe('circles of triggers', () => {
  it('are named from the pipeline that is started to that same one', () => {
    expect(circleThrough(link('a', 'a'), [])).toEqual(['a', 'a']);
    expect(circleThrough(link('a', 'b'), [link('b', 'a')])).toEqual(['a', 'b', 'a']);
    const others = [link('b', 'a', 'x'), link('c', 'b'), link('d', 'a'), link('e', 'c', 'd')];
    expect(circleThrough(link('a', 'e'), others)).toEqual(['a', 'd', 'e', 'a']);
  });

  it('are no diamonds, no chains, and none that the new link is not part of', () => {
    expect(circleThrough(link('d', 'b', 'c'), [link('b', 'a'), link('c', 'a')])).toBeUndefined();
    expect(circleThrough(link('c', 'b'), [link('b', 'a')])).toBeUndefined();
    expect(circleThrough(link('x', 'a'), [link('a', 'b'), link('b', 'a')])).toBeUndefined();
  });

  it('are found among many at once', () => {
    const chain = Array.from({ length: 5000 }, (_, i) => link(`p${i + 1}`, `p${i}`));
    expect(circleThrough(link('p0', 'p5000'), chain)).toHaveLength(5002);
  });
});

describe('what a trigger waits for', () => {
  it.each([
    ['success', ['SUCCESS']],
    ['failure', ['FAILED']],
    ['done', ['SUCCESS', 'FAILED']],
  ] as const)('%s is %s', (on, states) => {
    const all = ['SUCCESS', 'FAILED', 'CANCELLED', 'RUNNING'] as const;
    expect(all.filter((state) => isAwaited(on, state))).toEqual(states);
  });
});

describe('templates of a trigger', () => {
  it('name the run that ended, or the call', () => {
    const after = { a: '{{ run.params.x }}', b: "{{ '{{' }}" };
    const hook = { a: '{{ body.order["id"] }}', b: ['{{ headers.x-github-event | default(null) }}'] };
    expect(triggerTemplateFaults('PIPELINE', after, 'params')).toEqual([]);
    expect(triggerTemplateFaults('WEBHOOK', hook, 'params')).toEqual([]);
    expect(triggerTemplateFaults('PIPELINE', hook, 'params')).toEqual([
      {
        field: 'params.a',
        message: '{{ body.order["id"] }}: \'body\' has no value in a trigger of kind PIPELINE (has: run)',
        type: 'template_error',
      },
      expect.objectContaining({ field: 'params.b.0' }),
    ]);
    expect(triggerTemplateFaults('WEBHOOK', { a: '{{ env.HOME }}' }, 'params_mapping')).toHaveLength(1);
    expect(triggerTemplateFaults('WEBHOOK', { a: '{{ body.' }, 'params')).toHaveLength(1);
  });
});
