// Loaded before the program: writes the most memory that it had (kilobytes) to the file that the variable names.
process.on('exit', () => { require('node:fs').writeFileSync(process.env.BENCH_PEAK, String(process.resourceUsage().maxRSS)); });
