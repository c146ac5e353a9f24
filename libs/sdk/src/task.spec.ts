import { type TaskContext } from './context.js';
import { registeredTasks, Task } from './task.js';

class Handlers {
  private readonly made = ++Handlers.instances;
  static instances = 0;
  static prefix = 'static';

  @Task('sdk_static', { description: 'says what it got', input: { type: 'object' } })
  static describe({ input }: TaskContext<{ text: string }>) {
    return `${this.prefix} ${input.text}`;
  }

  @Task('sdk_instance')
  async greet({ attempt }: TaskContext) {
    return { made: this.made, attempt };
  }
}
const run = (name: string, context: object): unknown =>
  registeredTasks()
    .find((task) => task.name === name)!
    .run(context as TaskContext<never>);

describe('@Task', () => {
  it('keeps name, description and input schema', () => {
    expect([...registeredTasks()].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'sdk_instance', owner: Handlers, run: expect.any(Function) },
      {
        name: 'sdk_static',
        owner: Handlers,
        description: 'says what it got',
        input: { type: 'object' },
        run: expect.any(Function),
      },
    ]);
  });

  it('leaves the method as it is, and calls it on its class', () => {
    expect(Handlers.describe({ input: { text: 'a' } } as never)).toBe('static a');
    expect(run('sdk_static', { input: { text: 'b' } })).toBe('static b');
  });

  it('makes one instance, at the first call', async () => {
    expect(Handlers.instances).toBe(0);
    expect(await run('sdk_instance', { attempt: 1 })).toEqual({ made: 1, attempt: 1 });
    expect(await run('sdk_instance', { attempt: 2 })).toEqual({ made: 1, attempt: 2 });
  });

  it('refuses what is no method', () => {
    const decorate = Task('sdk_bad') as (target: object, key: string, descriptor: object) => void;
    expect(() => decorate(Handlers.prototype, 'x', { value: 1 })).toThrow(
      "@Task('sdk_bad') on 'x': it is no method",
    );
    expect(registeredTasks().some(({ name }) => name === 'sdk_bad')).toBe(false);
  });
});
