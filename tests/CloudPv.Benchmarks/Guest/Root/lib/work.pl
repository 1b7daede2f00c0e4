# What perl programs spend their time with: words, hashes, regular expressions, sorting, closures. 0.1 s natively.
my $state = 42;
sub random { $state = ($state * 1103515245 + 12345) & 0x7fffffff; return $state >> 8 }

my @words = map { join '', map { chr(97 + random() % 6) } 1 .. 3 + random() % 3 } 1 .. 15000;
my %count;
$count{$_}++ for @words;
my $text = join ' ', @words;
my $matches = () = $text =~ /\b([a-c]+)d(\w*)\b/g;
(my $swapped = $text) =~ s/(\w+) (\w+)/\u$2 $1/g;
my @top = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 9];
my %operation = (add => sub { $_[0] + $_[1] }, multiply => sub { $_[0] * $_[1] % 65537 });
my $sum = 1;
$sum = $operation{ $_ % 3 ? 'multiply' : 'add' }->($sum, $_) for 1 .. 60000;
print "$matches $sum ", length $swapped, " @top\n";
