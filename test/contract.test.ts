import { describe, expect, it } from 'vitest';
import { commands } from '../src/commands/catalog.ts';
import { exitCodes } from '../src/errors.ts';
import { commandsOfContract, exitCodesOfContract } from './contract.ts';

describe('the contract in docs/cli.md', () => {
  it('gives each code the exit code that the program gives it', () => {
    // A signal is told by its number, a reader that left by silence.
    const ofSignals = ['SIGHUP', 'SIGTERM', 'BROKEN_PIPE'];
    const ours = Object.entries(exitCodes).filter(([code]) => !ofSignals.includes(code));
    expect(Object.fromEntries(exitCodesOfContract)).toEqual(Object.fromEntries(ours));
  });

  it('names every command that there is, and no other', () => {
    expect([...commandsOfContract].sort()).toEqual(commands.map(({ name }) => name).sort());
  });
});
