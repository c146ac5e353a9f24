import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Log, runTool } from './run-tool.js';

/**
 * Debian's packages without installing any: they are downloaded by apt, which checks their signatures, and unpacked
 * into a folder. Root is not needed and the system stays as it is. When the machine's package lists are missing or
 * outdated, current ones are fetched into a temporary folder.
 */
export class DebianPackages {
  private lists?: string;

  constructor(private readonly log: Log) {}

  /** Unpacks packages into a folder. @throws Error when apt cannot get one. */
  async unpack(packages: string[], folder: string): Promise<void> {
    const downloads = mkdtempSync(join(folder, 'deb-'));
    try {
      await this.apt('apt-get', ['download', ...packages], downloads);
      for (const file of readdirSync(downloads).filter((name) => name.endsWith('.deb'))) {
        await runTool('dpkg', ['-x', join(downloads, file), folder]);
      }
    } finally {
      rmSync(downloads, { recursive: true, force: true });
    }
  }

  /** The names of the packages that some packages need directly. */
  async dependencies(packages: string[]): Promise<string[]> {
    const told = await this.apt('apt-cache', ['depends', '--important', ...packages], tmpdir());
    return [...new Set([...told.matchAll(/^\s*(?:Pre)?Depends: (\S+)$/gm)].map((match) => match[1]!))];
  }

  /** Removes the package lists fetched on the way, if any. */
  dispose(): void {
    if (this.lists) rmSync(this.lists, { recursive: true, force: true });
  }

  private async apt(command: string, args: string[], cwd: string): Promise<string> {
    const tool = { cwd, log: this.log, what: [command, ...args].join(' ') };
    try {
      return await runTool(command, [...this.options(), ...args], tool);
    } catch (error) {
      if (this.lists) throw error;
      await this.fetchLists();
      return runTool(command, [...this.options(), ...args], tool);
    }
  }

  private options(): string[] {
    if (!this.lists) return [];
    return ['-o', `Dir::State::lists=${this.lists}/lists`, '-o', `Dir::Cache=${this.lists}/cache`];
  }

  private async fetchLists(): Promise<void> {
    this.log('the package lists of this machine do not do, fetching current ones');
    this.lists = mkdtempSync(join(tmpdir(), 'tauro-apt-'));
    mkdirSync(join(this.lists, 'lists', 'partial'), { recursive: true });
    mkdirSync(join(this.lists, 'cache', 'archives', 'partial'), { recursive: true });
    await runTool('apt-get', [...this.options(), 'update'], { log: this.log, what: 'apt-get update' });
  }
}
