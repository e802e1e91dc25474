// The sum of the primes below input, by the sieve of Eratosthenes.
const composite = new Uint8Array(input);
let sum = 0;
for (let n = 2; n < input; n++) {
  if (composite[n]) continue;
  sum += n;
  for (let multiple = n * n; multiple < input; multiple += n) composite[multiple] = 1;
}
print('primes below', input);
sum;
