# install, uninstall, dist. Everything is put together below $(B)/stage, in a directory of its own for each make, and
# then copied; launch/site/install.sh lists what it copied, for uninstall.
.PHONY: install uninstall dist

PREFIX ?= /usr/local
install: private prefix := $(B)/stage/$(shell echo $$PPID)
install: all ## Install below PREFIX=/usr/local (and DESTDIR)
	$(Q)rm -rf $(prefix)
	$(Q)install -d $(prefix)/bin $(prefix)/include/corsac $(prefix)/lib/pkgconfig $(prefix)/share/man/man1 \
	  $(prefix)/share/bash-completion/completions $(addprefix $(prefix)/share/corsac/,presets recipes python cluster)
	$(Q)install -m 755 $(B)/corsac $(prefix)/bin/corsac
	$(Q)install -m 644 $(API) $(prefix)/include/corsac
	$(Q)install -m 644 $(SIM).a $(POLICY).a $(prefix)/lib && install -m 755 $(SIM).so $(POLICY).so $(prefix)/lib
	$(Q)sed -e 's|@VERSION@|$(VERSION)|; s|@LIBS@|$(POLICY_LIBS)|' launch/library/corsac-policy.pc.in >$(prefix)/lib/pkgconfig/corsac-policy.pc
	$(Q)install -m 644 $(SHARED) $(prefix)/share/corsac/python
	$(Q)install -m 644 $(PRESETS) $(prefix)/share/corsac/presets
	$(Q)install -m 644 $(RECIPES) $(prefix)/share/corsac/recipes
	$(Q)install -m 755 $(CLUSTER) $(prefix)/share/corsac/cluster
	$(Q)install -m 755 launch/install-deps.sh launch/install-gym.sh launch/install-mujoco.sh $(prefix)/share/corsac
	$(Q)for e in $(EXAMPLES:launch/%=%); do install -D -m 644 launch/$$e $(prefix)/share/corsac/$$e || exit 1; done
	$(Q)$(B)/corsac help --man >$(prefix)/share/man/man1/corsac.1 && \
	  for name in $$($(B)/corsac help --commands --topics); do \
	  $(B)/corsac help --man $$name >$(prefix)/share/man/man1/corsac-$$name.1 || exit 1; done
	$(Q)$(B)/corsac help --completion >$(prefix)/share/bash-completion/completions/corsac
	$(Q)launch/site/install.sh $(prefix) '$(DESTDIR)$(PREFIX)'
	$(Q)rm -rf $(prefix)

uninstall: ## Remove what install put there
	$(Q)launch/site/install.sh --remove '$(DESTDIR)$(PREFIX)'

# A clone gives what git knows, as it stands; what was unpacked from such an archive gives all but build/.
DIST := corsac-$(VERSION)
dist: ## Make build/corsac-VERSION.tar.gz, which builds by itself
	$(Q)mkdir -p $(BUILD) && { git ls-files -z 2>/dev/null || true; } >$(BUILD)/dist.list
	$(Q)[ -s $(BUILD)/dist.list ] || find . \( -path ./$(BUILD) -o -path ./runs \) -prune -o -type f -printf '%P\0' >$(BUILD)/dist.list
	$(Q)tar -czf $(BUILD)/$(DIST).tar.gz --null -T $(BUILD)/dist.list --transform 's,^,$(DIST)/,' --sort=name --owner=0 --group=0 --numeric-owner
	@echo $(BUILD)/$(DIST).tar.gz
