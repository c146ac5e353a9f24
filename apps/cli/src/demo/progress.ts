import { MultiBar, type SingleBar } from 'cli-progress';

import { type Terminal } from '../supervisor/terminal.js';
import { hasEnded, rowsOf, secondsOf, type TaskView } from './run-views.js';

/** Shows the tasks of a run while they go on. */
export interface Progress {
  show(tasks: TaskView[]): void;
  end(): void;
}

/** Bars in a terminal, a line per change anywhere else. */
export function progressOn(terminal: Terminal): Progress {
  return terminal.interactive ? new ProgressBars(terminal) : new ProgressLines(terminal);
}

const FULL = 100;
/** Nobody knows how long a query takes: a running task's bar gets slower and slower and is full only at the end. */
const HALF_WAY_SECONDS = 2;

function filled(task: TaskView, now: number): number {
  if (hasEnded(task)) return FULL;
  const seconds = secondsOf(task, now) ?? 0;
  return FULL * (1 - 0.5 ** (seconds / HALF_WAY_SECONDS)) * 0.95;
}

const time = (seconds: number | undefined): string =>
  seconds === undefined ? '' : `${seconds.toFixed(1)} s`;

class ProgressBars implements Progress {
  private readonly multi: MultiBar;
  private readonly bars = new Map<string, SingleBar>();
  private readonly ticking: NodeJS.Timeout;
  private readonly output: { restore(): void };
  private tasks: TaskView[] = [];

  constructor(terminal: Terminal) {
    this.multi = new MultiBar({
      format: '  {name} {bar} {state} {time} {rows}',
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 24,
      hideCursor: true,
      emptyOnZero: true,
    });
    this.output = terminal.redirect((line) => this.multi.log(`${line}\n`));
    this.ticking = setInterval(() => this.draw(), 100);
  }

  show(tasks: TaskView[]): void {
    this.tasks = tasks;
    this.draw();
  }

  end(): void {
    clearInterval(this.ticking);
    this.draw();
    this.multi.stop();
    this.output.restore();
  }

  private draw(): void {
    const width = Math.max(...this.tasks.map((task) => task.node_id.length), 0);
    for (const task of this.tasks) {
      const shown = {
        name: task.node_id.padEnd(width),
        state: task.state.padEnd(15),
        time: time(secondsOf(task, Date.now())).padStart(8),
        rows: rowsOf(task),
      };
      const bar = this.bars.get(task.id);
      if (bar) bar.update(filled(task, Date.now()), shown);
      else this.bars.set(task.id, this.multi.create(FULL, 0, shown));
    }
  }
}

class ProgressLines implements Progress {
  private readonly shown = new Map<string, string>();

  constructor(private readonly terminal: Terminal) {}

  show(tasks: TaskView[]): void {
    for (const task of tasks) {
      if (this.shown.get(task.id) === task.state) continue;
      this.shown.set(task.id, task.state);
      const took = hasEnded(task) ? time(secondsOf(task, Date.now())) : '';
      const parts = [task.state.padEnd(15), took, rowsOf(task)].filter(Boolean);
      this.terminal.say(`  ${task.node_id.padEnd(24)} ${parts.join('  ')}`);
    }
  }

  end(): void {
    this.shown.clear();
  }
}
