# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Completion of the command rawpci for bash. Subcommands, options and register names come from the
# command itself, addresses and BARs from sysfs.

# Sets words and current. Bash splits words at ":" and "=" too, which are in addresses, settings and
# values: it joins them.
_rawpci_words() {
	local i word join=''

	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $i -gt 1 && ($join || $word == [:=]*) ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
		join=''
		[[ $word != *[:=] ]] || join=yes
	done
	current=${words[-1]}
	unset 'words[-1]'
}

# Offers those of the lines of standard input that begin with the current word.
_rawpci_offer() {
	local line

	while IFS= read -r line; do
		[[ $line != "$current"* ]] || COMPREPLY+=("$line")
	done
}

# Sets options to those that the help of the subcommand lists, and valued to those that want a value:
# one space and a word in capitals follow.
_rawpci_options() {
	local line

	while IFS= read -r line; do
		[[ $line =~ ^\ +(--[a-z-]+)(\ [A-Z])? ]] || continue
		options+=("${BASH_REMATCH[1]}")
		[[ ! ${BASH_REMATCH[2]} ]] || valued+=" ${BASH_REMATCH[1]} "
	done < <("$command" "$subcommand" --help 2>/dev/null)
}

_rawpci_subcommands() {
	local name rest

	while IFS=' ' read -r name rest; do
		[[ ! $name =~ ^[a-z]+$ || ! $rest ]] || echo "$name"
	done < <("$command" --help 2>/dev/null | sed -n '/^  [a-z]/p')
}

# Addresses in full; also short, once a part is there.
_rawpci_addresses() {
	local path address

	for path in "$sysfs"/bus/pci/devices/*; do
		[[ -e $path ]] || continue
		address=${path##*/}
		echo "$address"
		[[ ! $current || $address != 0000:* ]] || echo "${address#0000:}"
	done
}

# The BARs that the device has; all of them if it is not known here. Bash would run text of the file
# in an arithmetic expression, so it is compared as text.
_rawpci_bars() {
	local address=$1 end bar=0

	[[ $address == *:*:* ]] || address=0000:$address
	if ! [[ -r $sysfs/bus/pci/devices/$address/resource ]]; then
		printf '%s\n' 0 1 2 3 4 5 rom
		return
	fi
	while read -r _ end _ && ((bar <= 6)); do
		[[ $end =~ ^0x0+$ ]] || echo "${bar/6/rom}"
		bar=$((bar + 1))
	done <"$sysfs/bus/pci/devices/$address/resource"
}

# Names, in the case of what is typed.
_rawpci_registers() {
	local line

	"$command" config --registers 2>/dev/null | while IFS= read -r line; do
		line=${line##* }
		[[ $current != [a-z]* ]] || line=${line,,}
		[[ $line == name ]] || echo "$line"
	done
}

# Offers values of the option.
_rawpci_value() {
	case $1 in
	--backend)
		_rawpci_offer < <(printf '%s\n' vfio uio sysfs fake) ;;
	--set)
		_rawpci_offer < <(printf '%s=\n' irq.engine vfio.dir vfio.iommu vfio.via vfio.noiommu \
			sysfs.dir uio.dir run.dir driver.timeout_ms ids.file)
		compopt -o nospace 2>/dev/null ;;
	--driver)
		_rawpci_offer < <(printf '%s\n' vfio-pci uio_pci_generic) ;;
	--user)
		_rawpci_offer < <(compgen -u) ;;
	esac
}

# Takes what the words before the current one say. False: the last one is an option that wants a
# value.
_rawpci_before() {
	local i word

	for ((i = 2; i < ${#words[@]}; i++)); do
		word=${words[i]}
		if [[ $word == -- ]]; then
			behind=$((${#words[@]} - i))
			return
		fi
		if [[ $valued == *" $word "* ]]; then
			i=$((i + 1))
			((i < ${#words[@]})) || return
			word+="=${words[i]}"
		fi
		case $word in
		--set=sysfs.dir=*) sysfs=${word#--set=sysfs.dir=} ;;
		-*) ;;
		*) operands+=("$word") ;;
		esac
	done
}

_rawpci_operand() {
	case $subcommand:${#operands[@]} in
	config:0 | mmio:0 | irq:0 | explain:0 | run:* | take:* | return:*)
		_rawpci_offer < <(_rawpci_addresses) ;;
	config:*)
		_rawpci_offer < <(_rawpci_registers) ;;
	mmio:1)
		_rawpci_offer < <(_rawpci_bars "${operands[0]}") ;;
	esac
}

# What stands before the last of ":" and "=" is there already, and bash does not replace it.
_rawpci_trim() {
	local i there=''

	[[ $current != --*=* ]] || return

	[[ $COMP_WORDBREAKS == *:* && $current == *:* ]] && there=${current%:*}:
	[[ $COMP_WORDBREAKS == *=* && ${current#"$there"} == *=* ]] && there=${current%=*}=
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$there"}
	done
}

_rawpci() {
	local command=$1 subcommand sysfs=/sys behind=0 current word valued=''
	local -a words options=() operands=()

	COMPREPLY=()
	_rawpci_words
	subcommand=${words[1]-}
	if [[ ! $subcommand ]]; then
		_rawpci_offer < <(_rawpci_subcommands; printf '%s\n' --help --version)
		return
	fi
	_rawpci_options
	if ! _rawpci_before; then
		_rawpci_value "${words[-1]}"
	elif ((behind == 1)); then
		_rawpci_offer < <(compgen -c -- "$current" | sort -u)
	elif ((behind > 1)); then
		_rawpci_offer < <(compgen -f -- "$current")
		compopt -o filenames 2>/dev/null # bash quotes them
	elif [[ $current == --*=* ]]; then
		word=${current%%=*}
		current=${current#*=} _rawpci_value "$word"
		[[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/$word=}")
	elif [[ $current == -* ]]; then
		_rawpci_offer < <(printf '%s\n' "${options[@]}")
	else
		_rawpci_operand
	fi
	_rawpci_trim
}

complete -F _rawpci rawpci
